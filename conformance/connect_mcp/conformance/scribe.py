"""The process that redacts what the recorder says and writes the recording; dictation.py has the recorder's side.

It ignores the signals that end servers, and ends once all that was said is written. Nothing but redacted text is ever
on disk: what waits to be redacted is in the pipe and in the memory of this process. There is room there for seconds of
work; past that the recorder has to wait, since nothing may be left out.
"""

import json
import os
import queue
import signal
import sys
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO, NoReturn, TypeAlias

from connect_mcp.base import locks

from .dictation import FAILED, HEAD, SIGNALS
from .session import KINDS, LINES, Agreement, Header, Kind, Writer, parsed_message

if TYPE_CHECKING:
    from .redaction import Redactor

_WAITING = 1024  # pieces in memory; the recorder makes none longer than 64 kB
_SILENCE = 0.1  # seconds after which the recorder is thought to have said what it had to say
_LONG = 64 << 10  # bytes of a line that take milliseconds to redact
_LONGEST = 64 << 20  # bytes kept of one line

Piece: TypeAlias = tuple[Kind, float, bytes]
"""What happened, when, and the bytes that came with it."""

_SIDES: dict[str, Kind] = {"stdin": "host", "stdout": "server", "stderr": "stderr"}


def main() -> NoReturn:
    """Write what comes through standard input to standard output, the recording.

    The exit code is 0 where the recording is whole, else the number of the system's error, or `FAILED`.
    """
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    sys.setswitchinterval(0.0005)  # reading comes before redacting: the recorder may be waiting
    try:
        locks.take(1)  # it came with the open file, but for Windows, where a lock is a process's own
        _write_down(os.fdopen(0, "rb"), 1)
        code = 0
    except OSError as error:
        code = error.errno or FAILED
    except BaseException:  # noqa: BLE001 - whatever it is, its words may quote what is not to be shown
        code = FAILED
    os._exit(code)  # not by way of the interpreter's end, which would wait for the thread that reads


def _write_down(source: BinaryIO, recording: int) -> None:
    about = json.loads(source.readline())
    inbox = _Inbox(source)
    from .redaction import Redactor  # it takes a while to load, and the recorder is not to wait for that

    temporary = {os.environ.get(name, "") for name in ("TMPDIR", "TEMP", "TMP")} | {"/tmp", "/var/tmp"}  # noqa: S108 - looked for
    home = os.path.expanduser("~")
    redactor = Redactor(os.environ, home, about["cwd"], filter(None, temporary), about["argv"])
    host, version, recorded, more = about["header"]
    os.lseek(recording, 0, os.SEEK_SET)  # to the header, which is there
    account = _Account(Writer(recording, Header(host, version, None, recorded, more)), redactor)
    for ev, t, data in inbox:
        if account.held(ev) + len(data) > _LONG:
            inbox.wait_for_silence()
        account.take(ev, t, data)
    account.close()


class _Inbox:
    """What the recorder says, read at once on a thread of its own."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        self._waiting: queue.Queue[Piece | None] = queue.Queue(_WAITING)
        self._spoken = threading.Event()
        self._ended = False
        threading.Thread(target=self._read, daemon=True).start()

    def __iter__(self) -> Iterator[Piece]:
        yield from iter(self._waiting.get, None)

    def wait_for_silence(self) -> None:
        """Wait while the recorder is speaking, unless much is waiting already.

        A search through a long line holds up every thread of this process, and what comes meanwhile can fill the pipe.
        """
        while self._spoken.is_set() and not self._ended and self._waiting.qsize() < _WAITING // 2:
            self._spoken.clear()
            self._spoken.wait(_SILENCE)

    def _read(self) -> None:
        """Take in every whole piece; of one that the recorder did not live to say in full nothing was passed on."""
        while len(head := self._source.read(HEAD.size)) == HEAD.size:
            number, t, length = HEAD.unpack(head)
            data = self._source.read(length)
            if len(data) < length:
                break
            self._waiting.put((KINDS[number], t, data))
            self._spoken.set()
        self._ended = True
        self._waiting.put(None)
        self._spoken.set()


class _Account:
    """The recording of one session, made from what passed."""

    def __init__(self, log: Writer, redactor: "Redactor") -> None:
        self._log = log
        self._redactor = redactor
        self._agreement = Agreement()
        self._pending = {side: _Pending() for side in _SIDES.values()}
        self._t = 0.0

    def take(self, ev: Kind, t: float, data: bytes) -> None:
        """Write what a piece completes."""
        self._t = t
        if ev in LINES:
            for line, cut in self._pending[ev].lines(data):
                self._line(ev, line, cut, ended=True)
            return
        more = json.loads(data)
        if ev in ("eof", "closed"):
            self._last_line(_SIDES[more["of"]])
        elif ev == "exit":
            self.close()
        self._log.event(t, ev, more)

    def held(self, ev: Kind) -> int:
        """How many bytes there are of a line that has no end yet."""
        return len(self._pending[ev].line) if ev in LINES else 0

    def close(self) -> None:
        """Write the lines that have got no end, where the recorder was killed before the streams ended."""
        for side in self._pending:
            self._last_line(side)

    def _last_line(self, side: Kind) -> None:
        pending = self._pending[side]
        if pending.line:
            self._line(side, bytes(pending.line), pending.cut, ended=False)
        self._pending[side] = _Pending()

    def _line(self, ev: Kind, line: bytes, cut: int, *, ended: bool) -> None:
        end = b"" if ended else b', "end": ""'
        if ended and line.endswith(b"\r"):
            line, end = line[:-1], b', "end": "\\r\\n"'
        redacted = self._redactor.raw_fields if ev == "stderr" else self._redactor.message_fields
        fields = redacted(line) + end
        if cut:
            fields += b', "cut": %d' % cut
        self._log.line(self._t, ev, fields)
        if self._agreement.revision is None and ev != "stderr":
            self._look_for_revision(ev, line)

    def _look_for_revision(self, ev: Kind, line: bytes) -> None:
        self._agreement.see(parsed_message(line), from_host=ev == "host")
        if self._agreement.revision:
            self._log.name_revision(self._agreement.revision)


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
