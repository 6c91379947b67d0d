"""A transparent proxy that a host starts in place of a server, and that writes down what goes over the wire.

Every byte is passed on as it came, both ways and on standard error, whatever it is; signals and ends of streams too,
and the server's end becomes ours. What is passed on was said to the process that writes the recording (scribe.py)
before, so that a host which kills us right after it read an answer finds that answer recorded. Nothing is looked at
here, and so no line waits, however long it is. (Standard error alone stays open to the end: what there is to say of
the recording goes there.)

The server runs in the process group that the host gave us: a host that signals the group reaches it directly as well,
and one that kills the group leaves nothing behind.
"""

import contextlib
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import IO

from connect_mcp.base.errors import Place, Refused
from connect_mcp.base.text import printable
from connect_mcp.base.version import __version__

from .dictation import SIGNALS, Dictation, signal_name
from .session import Header, Json, Kind

MARK = "CONNECT_MCP_RECORDING"
"""The variable by which the processes of a server are known, where they are to be: the path of the recording."""

_CHUNK = 65536
_LAST_WORDS = 0.5  # seconds that a server's end is kept back for what is still to come on standard error
_DRAIN = 1.0  # seconds that a stream may be silent after the server's end before it is given up


def record(
    argv: Sequence[str],
    out: Path,
    *,
    host: str | None = None,
    host_version: str | None = None,
    env: Mapping[str, str],
    cwd: str | None = None,
    mark: bool = False,
) -> int:
    """Run a server between our own standard streams and record the session.

    Args:
        argv: the server's command.
        out: the recording; where it exists, a number is added to the name (`session-2.jsonl`), since hosts start a
            server more than once. Only its owner may read it.
        host: the host's id, for the recording's header.
        host_version: its version, likewise.
        env: the environment, which the server inherits and whose secrets are kept out of the recording, as are those
            of the command.
        cwd: the server's working folder; where it is None, the one that the host gave us.
        mark: whether the server's processes are to be known by `MARK`, which is in no recording, and the number of the
            one that is started here by a file beside the recording (`session.pid`).

    Returns:
        The server's exit code. Where a signal ended the server, the same one ends this process.

    Raises:
        Refused: where the recording cannot be written or the server cannot be started.
    """
    descriptor, path = _opened(out)
    more: dict[str, Json] = {"os": sys.platform, "recorder": f"connect-mcp {__version__}", "redacted": True}
    dictation = Dictation(descriptor, Header(host, host_version, None, time.strftime("%Y-%m-%d"), more))
    try:
        proxy = _Proxy(argv, dictation, env, cwd, path if mark else None)
    except Refused:
        os.close(descriptor)
        path.unlink()
        raise
    return proxy.run()


def _opened(out: Path) -> tuple[int, Path]:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
    for number in range(1, 10_000):
        path = out if number == 1 else out.with_name(f"{out.stem}-{number}{out.suffix}")
        try:
            return os.open(path, flags, 0o600), path
        except FileExistsError:
            continue
        except OSError as error:
            raise Refused("the recording cannot be written", place=Place(str(path)), why=error.strerror or "") from None
    raise Refused(
        "there are too many recordings of this name already", place=Place(str(out)), mend="choose another --out"
    )


class _Stream:
    """One direction: where its bytes come from and go to.

    Attributes:
        moved: bytes so far.
        busy: whether it has bytes in hand, which it waits to be rid of.
    """

    def __init__(self, name: str, ev: Kind, source: int, sink: int) -> None:
        self.name, self.ev, self.source, self.sink = name, ev, source, sink
        self.moved = 0
        self.busy = False


class _Proxy:
    """One server, its host, and the recording between them."""

    def __init__(
        self, argv: Sequence[str], dictation: Dictation, env: Mapping[str, str], cwd: str | None, marked: Path | None
    ) -> None:
        self._dictation = dictation
        began, given = time.monotonic(), _working_folder()
        self._process = _started(argv, cwd, {**env, MARK: os.path.abspath(marked)} if marked else None)
        if marked:
            with contextlib.suppress(OSError):  # the server runs: a full disk is no reason to end it
                marked.with_suffix(".pid").write_text(str(self._process.pid), encoding="ascii")
        dictation.start(began, argv, cwd or given, env)
        own_group = sys.platform != "win32" and os.getpgrp() == os.getpid()
        dictation.event("spawn", {"env": list[Json](sorted(env)), "own_group": own_group}, began)

    def run(self) -> int:
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        sys.setswitchinterval(0.0005)  # a host may kill us 1 ms after the signal that is to be recorded first
        self._pass_signals_on()
        errors = self._begin(_Stream("stderr", "stderr", _taken(process.stderr), 2))
        self._begin(_Stream("stdin", "host", 0, _taken(process.stdin)), errors[1])
        output = self._begin(_Stream("stdout", "server", _taken(process.stdout), 1), errors[1])
        code = process.wait()
        ended = time.monotonic()
        for stream, thread in (output, errors):
            _drained(stream, thread)
        name = signal_name(-code) if code < 0 else None
        self._dictation.event("exit", {"code": None if name else code, "signal": name}, ended)
        _handle_signals(signal.SIG_DFL)  # the scribe does not need us, and has seconds of work at most
        if why := self._dictation.finish():
            with contextlib.suppress(OSError):
                os.write(2, f"connect-mcp: the recording is not whole: {why}\n".encode())
        if code < 0:
            _die_of(-code)
        return code

    def _begin(self, stream: _Stream, errors: threading.Thread | None = None) -> tuple[_Stream, threading.Thread]:
        thread = threading.Thread(target=self._pass_on, args=(stream, errors), daemon=True)
        thread.start()
        return stream, thread

    def _pass_on(self, stream: _Stream, errors: threading.Thread | None) -> None:
        """Pass on what comes, and its end.

        A host may kill us as soon as it sees that the server has gone; why that went is often told on standard error,
        which is heard out before.
        """
        while chunk := _read(stream.source):
            stream.busy = True
            self._dictation.passes(stream.ev, chunk)
            if not _written(stream.sink, chunk):
                self._dictation.event("closed", {"of": stream.name})
                if errors and stream.ev == "host":
                    errors.join(_LAST_WORDS)
                break
            stream.moved += len(chunk)
            stream.busy = False
        else:
            stream.busy = True
            if errors and stream.ev == "server":
                errors.join(_LAST_WORDS)
            self._dictation.event("eof", {"of": stream.name})
        stream.busy = False
        for descriptor in {stream.source, stream.sink} - {2}:
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def _pass_signals_on(self) -> None:
        def pass_on(number: int, frame: FrameType | None) -> None:
            self._dictation.event("signal", {"name": signal_name(number)})
            with contextlib.suppress(OSError):
                self._process.send_signal(number)  # which leaves another process alone that got the number since

        _handle_signals(pass_on)


def _handle_signals(handler: Callable[[int, FrameType | None], None] | signal.Handlers) -> None:
    """Handle those that a host may send, but for what the host has ignored in what it starts."""
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, handler)


def _started(argv: Sequence[str], cwd: str | None, env: Mapping[str, str] | None) -> "subprocess.Popen[bytes]":
    try:
        pipe = subprocess.PIPE
        # The descriptors that the host passed on go to the server as well; our own are not inherited.
        return subprocess.Popen(
            list(argv), stdin=pipe, stdout=pipe, stderr=pipe, bufsize=0, close_fds=False, cwd=cwd, env=env
        )
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "the command cannot be passed to the system"
        raise Refused(f"`{printable(argv[0])}` was not started", why=why) from None


def _working_folder() -> str:
    try:
        return os.getcwd()
    except OSError:
        return ""  # it was removed, which the server may not mind


def _taken(stream: IO[bytes]) -> int:
    """The stream's descriptor, for whoever closes it from now on."""
    descriptor = os.dup(stream.fileno())
    stream.close()
    return descriptor


def _read(descriptor: int) -> bytes:
    """The next bytes; none at the end of the stream. A host may have left the descriptor non-blocking."""
    while True:
        try:
            return os.read(descriptor, _CHUNK)
        except BlockingIOError:
            select.select([descriptor], [], [])
        except OSError:
            return b""


def _written(descriptor: int, data: bytes) -> bool:
    """Write all of it; False where nobody reads any more."""
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except BlockingIOError:
            select.select([], [descriptor], [])
        except OSError:
            return False
    return True


def _drained(stream: _Stream, thread: threading.Thread) -> None:
    """Wait for what the server left in its pipe, but not for a process that outlived it and holds the pipe open."""
    while thread.is_alive():
        before = stream.moved
        thread.join(_DRAIN)
        if stream.moved == before and not stream.busy:
            return


def _die_of(number: int) -> None:
    """End this process by a signal, as the server was, without a core dump of ours."""
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if number != signal.SIGKILL:
            signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
