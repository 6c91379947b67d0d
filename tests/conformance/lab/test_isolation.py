"""A run of a host touches nothing of the user's, reaches nothing beyond this machine, and leaves nothing behind."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from connect_mcp.conformance.lab.isolation import apart, cut_off_network, environment, interrupt, scratch

OUTER = {"HOME": "/outer/home", "PATH": "/outer/bin", "OPENAI_API_KEY": "sk-outer", "SYSTEMROOT": "C:\\Windows"}
linux = pytest.mark.skipif(sys.platform != "linux", reason="namespaces and orphans that come back are Linux's")


def test_a_host_is_given_nothing_of_our_own_environment_but_what_its_system_needs(tmp_path: Path) -> None:
    env = environment(scratch(tmp_path / "run"), "/node", OUTER, cut_off=True)

    assert env["PATH"] == "/node"
    assert env["SYSTEMROOT"] == "C:\\Windows"
    assert "OPENAI_API_KEY" not in env
    assert not [name for name, value in env.items() if "/outer" in value]


def test_every_folder_that_a_host_may_look_for_is_in_the_scratch_folder(tmp_path: Path) -> None:
    env = environment(scratch(tmp_path / "run"), "", {}, cut_off=True)

    for name in ("HOME", "USERPROFILE", "APPDATA", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "TMPDIR"):
        assert Path(env[name]).is_relative_to(tmp_path / "run"), name


def test_where_the_network_stays_proxies_lead_nowhere_and_loopback_goes_past_them(tmp_path: Path) -> None:
    env = environment(scratch(tmp_path / "run"), "", {}, cut_off=False)

    assert env["HTTPS_PROXY"] == env["http_proxy"] == "http://127.0.0.1:9"
    assert "127.0.0.1" in env["NO_PROXY"]
    assert "HTTPS_PROXY" not in environment(scratch(tmp_path / "other"), "", {}, cut_off=True)


_CUT_OFF = """
import json, socket, threading
from connect_mcp.conformance.lab.isolation import cut_off_network
cut = cut_off_network()
listener = socket.create_server(("127.0.0.1", 0))
socket.create_connection(listener.getsockname(), 5).close()
names = [name for _, name in socket.if_nameindex()]
try:
    socket.create_connection(("192.0.2.1", 9), 5)
    outside = "reached"
except OSError as error:
    outside = type(error).__name__ + str(error.errno)
print(json.dumps([cut, names, outside]))
"""


@linux
def test_in_a_namespace_of_its_own_a_process_reaches_loopback_and_nothing_else() -> None:
    done = subprocess.run([sys.executable, "-c", _CUT_OFF], capture_output=True, text=True, timeout=60, check=True)

    cut, names, outside = json.loads(done.stdout)
    if not cut:
        pytest.skip("this system gives us no network namespace")
    assert names == ["lo"]
    assert outside == "OSError101"  # the network is unreachable, at once


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_other_systems_have_no_namespaces_and_nothing_changes(platform: str) -> None:
    assert not cut_off_network(platform)
    assert len(socket.if_nameindex()) >= 1


def test_a_program_is_started_in_a_group_of_its_own_on_every_system() -> None:
    assert apart("linux") == apart("darwin") == {"start_new_session": True}
    assert apart("win32") == {"creationflags": getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0x200)}


def test_an_interrupt_reaches_the_whole_group_and_not_us() -> None:
    waits = "import subprocess, sys, time; print(flush=True); time.sleep(600)"
    shim = f"import subprocess, sys; sys.exit(subprocess.call([sys.executable, '-c', {waits!r}]))"
    process = subprocess.Popen(
        [sys.executable, "-c", shim], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, **apart()
    )
    assert process.stdout
    process.stdout.readline()

    interrupt(process.pid)

    assert process.wait(20) != 0
    assert process.stdout.read() == b"", "it ends with the last process that has it open"
    process.stdout.close()
    interrupt(process.pid)  # whoever is gone is told nothing
