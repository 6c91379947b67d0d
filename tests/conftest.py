"""Every test runs with a home of its own: nothing of the user's can be read, written or depended on."""

import os
import signal
import sys
from pathlib import Path

import pytest
from hypothesis import settings

from support.examples import examples

settings.register_profile("connect-mcp", examples(100))
settings.load_profile("connect-mcp")

if sys.platform != "win32":  # nohup has it ignored, by every process that a test starts too
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

_KEPT = {"PATH", "LANG", "LC_ALL", "TERM", "TMPDIR", "SYSTEMROOT", "COMSPEC", "PATHEXT", "TEMP", "TMP", "VIRTUAL_ENV"}
_KEPT_PREFIXES = ("CONNECT_MCP_TEST_", "PYTEST_", "COV_", "npm_config_", "NPM_CONFIG_", "NODE_EXTRA_", "PIP_", "SSL_")


@pytest.fixture(autouse=True)
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh, empty home folder; the environment holds nothing else that a host or platformdirs would read."""
    folder = tmp_path_factory.mktemp("home")
    for name in list(os.environ):
        if name not in _KEPT and not name.startswith(_KEPT_PREFIXES):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(folder))
    if sys.platform == "win32":
        monkeypatch.setenv("USERPROFILE", str(folder))
    return folder
