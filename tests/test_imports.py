"""Every module imports where the modules of POSIX do not exist: that much of Windows can be tested everywhere."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PARTS = ("installer", "server", "conformance")
BLOCKED = ("fcntl", "pwd", "grp", "termios", "pty", "tty", "resource")

PROGRAM = """
import importlib, sys
for name in {blocked}:
    sys.modules[name] = None
for name in {modules}:
    importlib.import_module(name)
"""


def modules() -> list[str]:
    found = [path.relative_to(ROOT / part) for part in PARTS for path in (ROOT / part).rglob("*.py")]
    return sorted(".".join(path.with_suffix("").parts) for path in found if path.name != "__main__.py")


def test_every_module_imports_without_the_modules_of_posix() -> None:
    program = PROGRAM.format(blocked=BLOCKED, modules=modules())
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr


def test_base_imports_none_of_the_three_parts() -> None:
    names = [name for name in modules() if name.startswith("connect_mcp.base.")]
    program = f"import importlib, sys\nfor name in {names}: importlib.import_module(name)\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    loaded = {name for name in done.stdout.split() if name.startswith("connect_mcp.")}
    assert {name for name in loaded if not name.startswith("connect_mcp.base")} == set()


def test_the_server_imports_neither_the_installer_nor_the_conformance_kit() -> None:
    for path in (ROOT / "server").rglob("*.py"):
        source = path.read_text(encoding="utf-8")
        assert "connect_mcp.installer" not in source, path
        assert "connect_mcp.conformance" not in source, path
