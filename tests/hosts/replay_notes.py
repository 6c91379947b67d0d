"""Convert a folder of lab notes and play every session at servers. Run as `python -m tests.hosts.replay_notes FOLDER`.

At the bundled server over stdio and over HTTP, and at the official SDK's with our tools; prints a line for each session
and exits with 1 where one does not pass.
"""

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from connect_mcp.conformance.replay import Calls, Server, replay  # noqa: E402
from connect_mcp.conformance.report import as_text  # noqa: E402
from support.http_server import http_server  # noqa: E402
from support.notes import convert  # noqa: E402


def main(folder: Path) -> int:
    """Play everything, and say how it went."""
    failed = 0
    with tempfile.TemporaryDirectory() as scratch, http_server("--embedded", "--data-dir", f"{scratch}/http") as http:
        ours = [sys.executable, "-m", "connect_mcp", "serve", "--embedded", "--data-dir", f"{scratch}/stdio"]
        servers = {
            "bundled": Server(ours),
            "bundled over HTTP": Server(url=http.url),
            "SDK": Server([sys.executable, str(ROOT / "tests" / "support" / "sdk_server.py")]),
        }
        sessions = [made for path in sorted(folder.glob("*.jsonl")) for made in convert(path, Path(scratch))]
        for name, server in servers.items():
            results = [replay(path, server, timeout=30, adapted=Calls(any_tool=True)) for path in sessions]
            good = sum(result.outcome == "pass" for result in results)
            sys.stdout.write(f"\n== {name}: {good} of {len(results)} pass\n")
            sys.stdout.write(as_text(results))
            failed += len(results) - good
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
