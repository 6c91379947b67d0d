"""A transparent proxy that a host starts in place of a server, and that writes down what goes over the wire.

Every byte is passed on as it came, both ways and on standard error, whatever it is; signals and ends of streams too,
and the server's end becomes ours. A line is in the recording before its last byte is passed on, so that a host which
kills us right after it read an answer finds that answer recorded. (Bytes of a line that has no end yet are passed on at
once and recorded when the line or the stream ends.)

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
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import IO

from connect_mcp.base.errors import Place, Refused
from connect_mcp.base.text import printable
from connect_mcp.base.version import __version__

from .session import Agreement, Header, Json, Kind, Writer, parsed_message

MARK = "CONNECT_MCP_RECORDING"
"""The variable by which the processes of a server are known, where they are to be: the path of the recording."""

_CHUNK = 65536
_LONGEST = 64 << 20  # bytes kept of one line
_DRAIN = 1.0  # seconds that a stream may be silent after the server's end before it is given up
_FORWARDED = ("SIGTERM", "SIGINT", "SIGHUP", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGBREAK")


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
    log = Writer(descriptor, Header(host, host_version, None, time.strftime("%Y-%m-%d"), more))
    try:
        proxy = _Proxy(argv, log, env, cwd, path if mark else None)
    except Refused:
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
        busy: whether it has bytes in hand, which it records or waits to be rid of.
    """

    def __init__(self, name: str, ev: Kind, source: int, sink: int) -> None:
        self.name, self.ev, self.source, self.sink = name, ev, source, sink
        self.moved = 0
        self.busy = False


class _Proxy:
    """One server, its host, and the recording between them."""

    def __init__(
        self, argv: Sequence[str], log: Writer, env: Mapping[str, str], cwd: str | None, marked: Path | None
    ) -> None:
        self._log = log
        self._agreement = Agreement()
        self._start = time.monotonic()
        home, given = os.path.expanduser("~"), _working_folder()
        self._process = _started(argv, cwd, {**env, MARK: os.path.abspath(marked)} if marked else None)
        if marked:
            with contextlib.suppress(OSError):  # the server runs: a full disk is no reason to end it
                marked.with_suffix(".pid").write_text(str(self._process.pid), encoding="ascii")
        from .redaction import Redactor  # loaded while the server starts: some hosts wait for one second

        tmp = {env.get(name, "") for name in ("TMPDIR", "TEMP", "TMP")} | {"/tmp", "/var/tmp"}  # noqa: S108 - looked for
        self._redactor = Redactor(env, home, cwd or given, filter(None, tmp), argv)
        own_group = sys.platform != "win32" and os.getpgrp() == os.getpid()
        self._event("spawn", {"env": list[Json](sorted(env)), "own_group": own_group})

    def run(self) -> int:
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        sys.setswitchinterval(0.0005)  # a host may kill us 1 ms after the signal that is to be recorded first
        self._pass_signals_on()
        self._begin(_Stream("stdin", "host", 0, _taken(process.stdin)))
        outgoing = [
            self._begin(_Stream("stdout", "server", _taken(process.stdout), 1)),
            self._begin(_Stream("stderr", "stderr", _taken(process.stderr), 2)),
        ]
        code = process.wait()
        ended = self._elapsed()
        for stream, thread in outgoing:
            _drained(stream, thread)
        name = _signal_name(-code) if code < 0 else None
        self._log.event(ended, "exit", {"code": None if name else code, "signal": name})
        if self._log.failure:
            with contextlib.suppress(OSError):
                os.write(2, f"connect-mcp: the recording is not whole: {self._log.failure}\n".encode())
        if code < 0:
            _die_of(-code)
        return code

    def _begin(self, stream: _Stream) -> tuple[_Stream, threading.Thread]:
        thread = threading.Thread(target=self._pass_on, args=(stream,), daemon=True)
        thread.start()
        return stream, thread

    def _pass_on(self, stream: _Stream) -> None:
        pending = _Pending()
        while chunk := _read(stream.source):
            stream.busy = True  # also while a long line is searched for secrets: a busy machine may take seconds
            for line, cut in pending.lines(chunk):
                self._line(stream.ev, line, cut, ended=True)
            if not _written(stream.sink, chunk):
                self._event("closed", {"of": stream.name})
                break
            stream.moved += len(chunk)
            stream.busy = False
        else:
            stream.busy = True
            if pending.line:
                self._line(stream.ev, bytes(pending.line), pending.cut, ended=False)
            self._event("eof", {"of": stream.name})
        stream.busy = False
        for descriptor in (stream.source, stream.sink):
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def _line(self, ev: Kind, line: bytes, cut: int, *, ended: bool) -> None:
        elapsed = self._elapsed()
        end = b"" if ended else b', "end": ""'
        if ended and line.endswith(b"\r"):
            line, end = line[:-1], b', "end": "\\r\\n"'
        redacted = self._redactor.raw_fields if ev == "stderr" else self._redactor.message_fields
        fields = redacted(line) + end
        if cut:
            fields += b', "cut": %d' % cut
        self._log.line(elapsed, ev, fields)
        if self._agreement.revision is None and ev != "stderr":
            self._look_for_revision(ev, line)

    def _look_for_revision(self, ev: Kind, line: bytes) -> None:
        self._agreement.see(parsed_message(line), from_host=ev == "host")
        if self._agreement.revision:
            self._log.name_revision(self._agreement.revision)

    def _event(self, ev: Kind, more: Mapping[str, Json]) -> None:
        self._log.event(self._elapsed(), ev, more)

    def _elapsed(self) -> float:
        return time.monotonic() - self._start

    def _pass_signals_on(self) -> None:
        def pass_on(number: int, frame: FrameType | None) -> None:
            self._event("signal", {"name": _signal_name(number)})
            with contextlib.suppress(OSError):
                os.kill(self._process.pid, number)

        for name in _FORWARDED:
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, pass_on)


class _Pending:
    """The beginning of a line whose end has not come yet; of a very long one only so much is kept."""

    def __init__(self) -> None:
        self.line = bytearray()
        self.cut = 0

    def lines(self, chunk: bytes) -> list[tuple[bytes, int]]:
        """The lines that `chunk` ends, each with how many of its bytes were not kept."""
        *whole, rest = chunk.split(b"\n")
        ended = []
        for piece in whole:
            self._extend(piece)
            ended.append((bytes(self.line), self.cut))
            self.line.clear()
            self.cut = 0
        self._extend(rest)
        return ended

    def _extend(self, piece: bytes) -> None:
        room = _LONGEST - len(self.line)
        self.line += piece[:room]
        self.cut += max(0, len(piece) - room)


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


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)  # one without a name, such as a realtime signal


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
