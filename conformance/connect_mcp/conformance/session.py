"""A session: what went over the wire between one host and one server, as a file of JSON lines.

The first line is the header:

    {"format": "connect-mcp session", "version": 1, "host": "codex", "host_version": "0.169.0", "revision": null,
     "recorded": "2026-11-21", "os": "linux", "recorder": "connect-mcp 0.1.0", "redacted": true}

`format` and `version` say what this is; the rest may be null or missing, and other keys (a `scenario`, a `provenance`)
may be added. `revision` is the protocol revision in force; the recorder fills it in, in place, as soon as host and
server have agreed on one, so that it is null where they did not. `fixtures/sessions/schema.json` says the same as a
JSON Schema of a line; this program is stricter where a schema cannot be. Every further line is an event, in the order
in which they happened, with `t`, seconds since the server was started, and `ev`:

    ev       from        further keys
    spawn    host        env: the names of the variables given (never values); own_group: the host made a process group
    host     host        a line for the server's standard input, see below
    server   server      a line on the server's standard output
    stderr   server      a line on the server's standard error, always raw
    eof      either      of: stdin, stdout or stderr: its writer closed it
    closed   either      of: the same: its reader closed it while there was more to read
    signal   host        name: SIGTERM, SIGINT, …: sent to the server
    exit     server      code: its exit code, or null; signal: the name of what ended it, or null

A line is one of `msg` (a JSON object or array, without duplicate keys), `raw` (any other text, without its line end) or
`base64` (bytes that are not UTF-8). `end` is its line end where that is not LF: CR LF, or nothing for a last line.
`cut` is how many more bytes of it were not kept. Unknown keys are for later versions and are skipped; an unknown `ev`
is an error, since it could change what the others mean.

What varies from machine to machine, and every secret, stands as a placeholder, the same one for the same value
throughout a session: `{{home}}`, `{{cwd}}`, `{{user}}`, `{{tmp:1}}`, `{{uuid:1}}`, `{{secret:1}}`.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from typing import BinaryIO, Literal, TypeAlias, Union, cast, get_args

from connect_mcp.base.errors import Place, Refused
from connect_mcp.base.record import field, record

FORMAT = "connect-mcp session"
VERSION = 1

Json: TypeAlias = Union[None, bool, int, float, str, list["Json"], dict[str, "Json"]]
Kind = Literal["spawn", "host", "server", "stderr", "eof", "closed", "signal", "exit"]
KINDS: tuple[Kind, ...] = get_args(Kind)
LINES: frozenset[Kind] = frozenset({"host", "server", "stderr"})

META_REVISION = "io.modelcontextprotocol/protocolVersion"

PLACEHOLDER = re.compile(r"\{\{(home|cwd|user|(?:tmp|uuid|secret):[1-9][0-9]{0,8})\}\}")

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NO_REVISION = b'"revision": null'
_ROOM = b" " * (len('"2026-07-28"') - len("null"))

_STREAMS = ("stdin", "stdout", "stderr")
_ENDS = ("\n", "\r\n", "")
_LONGEST = 256 << 20  # bytes in one line of a session file that is read


@record
class Header:
    """Where a session comes from.

    Attributes:
        host, host_version: who started the server, if known.
        revision: the protocol revision in force, if the header says it.
        recorded: the date, as YYYY-MM-DD.
        more: every other key.
    """

    host: str | None = None
    host_version: str | None = None
    revision: str | None = None
    recorded: str | None = None
    more: Mapping[str, Json] = field(default_factory=dict)

    def encoded(self, *, room: bool = False) -> bytes:
        """The header as the first line of a file; with `room`, a null revision can be replaced by one in place."""
        known: dict[str, Json] = {
            "format": FORMAT,
            "version": VERSION,
            "host": self.host,
            "host_version": self.host_version,
            "revision": self.revision,
            "recorded": self.recorded,
        }
        line = encoded({**known, **self.more})
        return line.replace(_NO_REVISION, _NO_REVISION + _ROOM, 1) if room else line


@record
class Event:
    """One thing that happened.

    Attributes:
        number: the line of the file it stands on, from 1.
        t: seconds since the server was started.
        ev: what happened.
        msg: for a line that is a JSON object or array, its value.
        raw: for any other line, its bytes without the line end.
        end: the line end.
        more: every other key, checked for the kinds that have one.
    """

    number: int
    t: float
    ev: Kind
    msg: Json = None
    raw: bytes | None = None
    end: str = "\n"
    more: Mapping[str, Json] = field(default_factory=dict)


class Session:
    """An open session file: its header, and its events read one at a time, so that a long one takes no memory.

    Raises:
        Refused: where it cannot be read or is not a session, with file and line; from `events` too.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        with self._open() as file:
            self.header = self._header(self._parsed(file.readline(_LONGEST), 1))

    def events(self) -> Iterator[Event]:
        """The events in order; each call starts again from the first."""
        with self._open() as file:
            file.readline(_LONGEST)
            number = 1
            while line := file.readline(_LONGEST):
                number += 1
                yield self._event(self._parsed(line, number), number)

    def _open(self) -> BinaryIO:
        try:
            return open(self.path, "rb")
        except OSError as error:
            raise Refused("the session cannot be read", place=Place(self.path), why=error.strerror or "") from None

    def _parsed(self, line: bytes, number: int) -> dict[str, Json]:
        try:
            value = json.loads(line)
        except UnicodeDecodeError:
            raise self._refused(number, "this is not UTF-8") from None
        except (ValueError, RecursionError):
            what = "this is no JSON" if line.endswith(b"\n") else "this line is not whole: the recording was cut off"
            raise self._refused(number, what if line else "the file is empty") from None
        if not isinstance(value, dict):
            raise self._refused(number, "this is no JSON object")
        return value

    def _header(self, data: dict[str, Json]) -> Header:
        if data.pop("format", None) != FORMAT:
            raise self._refused(1, f'this is no session: its first line has no "format": "{FORMAT}"')
        version = data.pop("version", None)
        if version != VERSION or isinstance(version, bool):
            raise self._refused(1, f"the session has version {json.dumps(version)}; this program reads {VERSION}")
        host, host_version, revision, recorded = (
            self._text(data.pop(key, None), key) for key in ("host", "host_version", "revision", "recorded")
        )
        return Header(host, host_version, revision, recorded, data)

    def _text(self, value: Json, key: str) -> str | None:
        if value is not None and not isinstance(value, str):
            raise self._refused(1, f"{key} is a string or null")
        return value

    def _event(self, data: dict[str, Json], number: int) -> Event:
        t, kind = data.pop("t", None), data.pop("ev", None)
        if not isinstance(t, (int, float)) or isinstance(t, bool) or t < 0:
            raise self._refused(number, "t, the seconds since the server was started, is missing or no number")
        if kind not in KINDS:
            raise self._refused(number, f"ev is {json.dumps(kind)}; it is one of {', '.join(KINDS)}")
        if kind in LINES:
            return self._line(data, number, t, kind)
        self._check(data, number, kind)
        return Event(number, t, kind, more=data)

    def _line(self, data: dict[str, Json], number: int, t: float, kind: Kind) -> Event:
        given = [key for key in ("msg", "raw", "base64") if key in data]
        if len(given) != 1:
            raise self._refused(number, "a line has exactly one of msg, raw and base64")
        key, value = given[0], data.pop(given[0])
        end = data.pop("end", "\n")
        if end not in _ENDS:
            raise self._refused(number, 'end is "\\r\\n" or ""')
        if key == "msg":
            if not isinstance(value, (dict, list)) or kind == "stderr":
                raise self._refused(number, "msg is a JSON object or array from the host or the server")
            return Event(number, t, kind, msg=value, end=end, more=data)
        if not isinstance(value, str):
            raise self._refused(number, f"{key} is a string")
        return Event(number, t, kind, raw=self._bytes(key, value, number), end=end, more=data)

    def _bytes(self, key: str, value: str, number: int) -> bytes:
        import base64

        try:
            data = value.encode() if key == "raw" else base64.b64decode(value, validate=True)
        except ValueError:
            raise self._refused(number, f"{key} cannot be decoded") from None
        if b"\n" in data:
            raise self._refused(number, f"{key} holds a line end: a line is one event")
        return data

    def _check(self, data: Mapping[str, Json], number: int, kind: Kind) -> None:
        if kind in ("eof", "closed") and data.get("of") not in _STREAMS:
            raise self._refused(number, f"of is one of {', '.join(_STREAMS)}")
        if kind == "signal" and not isinstance(data.get("name"), str):
            raise self._refused(number, "name, the name of the signal, is missing")
        code = data.get("code")
        if kind == "exit" and (isinstance(code, bool) or not isinstance(code, (int, type(None)))):
            raise self._refused(number, "code is a number or null")

    def _refused(self, number: int, what: str) -> Refused:
        return Refused(what, place=Place(self.path, number))


class Writer:
    """Writes a session, each event by one unbuffered system call: a process killed at any time has lost none.

    Raises:
        OSError: where it cannot be written.
    """

    def __init__(self, descriptor: int, header: Header) -> None:
        self._descriptor = descriptor
        line = header.encoded(room=True)
        self._revision_at = line.find(_NO_REVISION + _ROOM) + len(_NO_REVISION) - len("null")
        self._revision_room = len("null") + len(_ROOM)
        self._write(line)

    def name_revision(self, revision: str) -> None:
        """Put the revision into a header that was written without one."""
        data = _dumped(revision)
        if len(data) > self._revision_room:
            return
        end = os.lseek(self._descriptor, 0, os.SEEK_CUR)
        os.lseek(self._descriptor, self._revision_at, os.SEEK_SET)
        os.write(self._descriptor, data.ljust(self._revision_room))
        os.lseek(self._descriptor, end, os.SEEK_SET)

    def event(self, t: float, ev: Kind, more: Mapping[str, Json] | None = None) -> None:
        """Write an event that is no line."""
        self._write(encoded({"t": round(t, 6), "ev": ev, **(more or {})}))

    def line(self, t: float, ev: Kind, fields: bytes) -> None:
        """Write a line; `fields` are its members as JSON text, as `line_fields` gives them."""
        self._write(b'{"t": %s, "ev": "%s", %s}\n' % (str(round(t, 6)).encode(), ev.encode(), fields))

    def _write(self, data: bytes) -> None:
        while data:
            data = data[os.write(self._descriptor, data) :]


class Agreement:
    """Which revision a host and a server agree on, as their messages show it.

    Attributes:
        revision: the one agreed on, or None so far.
    """

    def __init__(self) -> None:
        self.revision: str | None = None
        self._asked = ""

    def see(self, message: Json, *, from_host: bool) -> None:
        """Take note of a message.

        `initialize` is answered with the revision. A request that names its own in `_meta` and gets a result has it.
        """
        if self.revision or not isinstance(message, dict):
            return
        if from_host:
            params = message.get("params")
            meta = params.get("_meta") if isinstance(params, dict) else None
            named = meta.get(META_REVISION) if isinstance(meta, dict) else None
            self._asked = named if isinstance(named, str) else self._asked
        elif isinstance(result := message.get("result"), dict) and "method" not in message:
            named = result.get("protocolVersion", self._asked)
            self.revision = named if isinstance(named, str) and _DATE.fullmatch(named) else None


def encoded(value: Json) -> bytes:
    """One line of a session file, readable where its characters allow it."""
    return _dumped(value) + b"\n"


def member(key: str, value: Json) -> bytes:
    """`"key": value` as JSON text."""
    return _dumped(key) + b": " + _dumped(value)


def _dumped(value: Json) -> bytes:
    try:
        return json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:  # a lone surrogate, which only an escape can carry
        return json.dumps(value).encode()


def parsed_message(line: bytes) -> dict[str, Json] | list[Json] | None:
    """The value of a line that is a JSON object or array and survives being written again; None for any other line."""
    if not line.lstrip(b" \t\r").startswith((b"{", b"[")):
        return None
    try:
        value = _MESSAGE.decode(line.decode())
    except (ValueError, RecursionError):
        return None
    return cast("dict[str, Json] | list[Json]", value)


def _unique(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError
    return value


def _no_constant(name: str) -> None:
    raise ValueError(name)


_MESSAGE = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant)
