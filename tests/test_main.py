import subprocess
import sys
from pathlib import Path

BROKEN = """
import sys, connect_mcp.server.main as server
def fail(argv): raise RuntimeError("key arc_live_planted_00000000")
server.main = fail
from connect_mcp.__main__ import main
sys.exit(main(["serve"]))
"""


def test_a_bug_in_the_server_is_a_line_and_a_log_without_secrets(home: Path) -> None:
    done = subprocess.run([sys.executable, "-c", BROKEN], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 3
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    log = Path(done.stderr.split(" are in ")[1].strip())
    assert "RuntimeError" in log.read_text(encoding="utf-8")
    assert "planted" not in done.stderr + log.read_text(encoding="utf-8")
