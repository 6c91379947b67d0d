"""A subject at a URL: each message is a request of its own, and what comes back is lines again.

Spoken are Streamable HTTP and the transport of 2024-11-05 before it, in which every answer comes on one stream.
"""

import contextlib
import http.client
import json
import queue
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

from connect_mcp.base.errors import Refused
from connect_mcp.base.masking import telling_values
from connect_mcp.base.record import record
from connect_mcp.base.text import printable

from .http_client import (
    NO_ANSWER,
    UNREAD,
    Endpoint,
    Event,
    Incoming,
    Stream,
    Unreachable,
    content_type,
    header_bytes,
    header_value,
    shut,
)
from .mirrored import PREFIX, Mirrored, as_header, at, mirrored
from .requirement import REVISIONS
from .wire import encode

SESSION = "Mcp-Session-Id"
BOTH = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
EVENTS = {"Accept": "text/event-stream"}
LAST_EVENT = "Last-Event-ID"

_NAMED_BY = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
_META_VERSION = "io.modelcontextprotocol/protocolVersion"
_MOST_EVENTS = 500  # before the answer that they should lead to
_MODERN_ERRORS = (-32020, -32021, -32022)
_OLD_STATUSES = (400, 404, 405)
_RETRY, _LONGEST_RETRY = 1.0, 10.0  # seconds before a stream is resumed, where the server says nothing, and at most
_RETURNS = 20
_REFUSALS = 6  # of the last requests that no message came of, to be told
_SHUT_OUT = {
    401: "it wants credentials, which --header can give",
    403: "it does not let us in; --header can give credentials",
    407: "a proxy wants credentials",
    502: "what stands before the server does not reach it",
    503: "the server, or what stands before it, does not serve now",
    504: "what stands before the server does not reach it",
}
"""Statuses by which a conversation is turned away at its first message, and what that means."""

_NOT_HERE = dict.fromkeys((404, 405), "is the path of the URL right?")
"""The same where it begins with `initialize`: a server of those revisions may turn away any other beginning."""


@record
class HttpAnswer:
    """What a request was answered with.

    Attributes:
        status: HTTP's.
        headers: by their names in lower case.
        events: those of a stream, or the body as one.
        streamed: whether it is a stream.
    """

    status: int
    headers: Mapping[str, str]
    events: tuple[Event, ...]
    streamed: bool

    @property
    def messages(self) -> tuple[bytes, ...]:
        """The JSON texts in it, each in one line."""
        return tuple(event.line for event in self.events if event.line)

    @property
    def kind(self) -> str:
        """The content type without its parameters."""
        return content_type(self.headers)

    @property
    def error_code(self) -> int | None:
        """The code of the JSON-RPC error in it; None where there is none."""
        for message in self.messages:
            value = _value(message)
            error = value.get("error") if isinstance(value, dict) else None
            if isinstance(error, dict) and isinstance(error.get("code"), int):
                return int(error["code"])
        return None


class HttpSubject:
    """A server at a URL.

    Args:
        url: its endpoint.
        headers: further headers for each request; their values are secret where their names say so.
        timeout: seconds to wait for a connection, and for an answer that nothing can go on without.
        old: whether it is spoken with over the transport of 2024-11-05.
        listens: whether a stream for the server's own messages is opened once the handshake is done, as hosts do it.

    Attributes:
        mirrored: the parameters of its tools that are repeated in headers, by the tool's name: the header's name and
            the path to the argument. It is learned from the lists that the server sends.

    Raises:
        Misuse: where the URL is none of http or https.
    """

    def __init__(
        self, url: str, headers: Mapping[str, str], timeout: float, *, old: bool = False, listens: bool = False
    ) -> None:
        self.transport: Literal["stdio", "http", "sse"] = "sse" if old else "http"
        self.endpoint = Endpoint(url, headers, timeout)
        self.name = self.endpoint.name
        self.secrets: Sequence[str] = list(telling_values(headers))
        self.timeout = timeout
        self.listens = listens
        self.mirrored: dict[str, Mirrored] = {}

    def open(self, *, deaf: bool = False, more_env: Mapping[str, str] | None = None) -> "HttpLink | SseLink":
        """A new conversation; there is no process that could be deaf, or given variables.

        Raises:
            Refused: where the old transport is spoken, and the server does not say where messages are taken.
        """
        return SseLink(self) if self.transport == "sse" else HttpLink(self)


def is_old(url: str, headers: Mapping[str, str], timeout: float) -> bool:
    """Whether a URL is that of a stream of 2024-11-05, found out as clients do: by POST, and then by GET.

    A server that cannot be asked is not old.

    Raises:
        Misuse: where the URL is none of http or https.
    """
    link = HttpLink(HttpSubject(url, headers, timeout))
    client = {"name": "connect-mcp-conformance", "version": "1"}
    params = {"protocolVersion": REVISIONS[-2], "capabilities": {}, "clientInfo": client}
    try:
        first = link.exchange("POST", BOTH, {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params})
        link.session = first.headers.get(SESSION.lower())
        if first.status not in _OLD_STATUSES or first.error_code in _MODERN_ERRORS:
            return False
        stream = link.stream("GET", EVENTS)
    except NO_ANSWER:
        return False
    finally:
        link.close()
    try:
        head = stream.head(timeout)
        event = stream.next(timeout) if head.status == http.client.OK and head.streams else None
    except NO_ANSWER:
        return False
    finally:
        stream.close()
    return event is not None and event.type == "endpoint"


class _Link:
    """A conversation with a server at a URL.

    Attributes:
        refusals: why the last requests that were answered with no message were not, safe to print.
        vanished: whether nobody takes connections, or they are turned away, and no request of this conversation broke
            off before, so that none of them can be the reason.
    """

    def __init__(self, subject: HttpSubject) -> None:
        self.started = time.monotonic()
        self.refusals: deque[str] = deque(maxlen=_REFUSALS)
        self._subject = subject
        self._lines: queue.Queue[bytes] = queue.Queue(UNREAD)
        self._ending = ""
        self.vanished = False
        self._finished = self._closed = self._welcome = self._broke = False
        self._open: dict[http.client.HTTPConnection, socket.socket | None] = {}

    @property
    def ended(self) -> bool:
        """Whether the server no longer takes connections and everything that came was read."""
        return bool(self._ending) and self._lines.empty()

    @property
    def idle(self) -> bool:
        """Whether no answer is under way and everything that came was read."""
        return not self._open and self._lines.empty()

    def send(self, data: bytes, timeout: float) -> bool:
        """Post each line; a notification is over when its answer came, a request when it was sent."""
        sent = [self._post(line, timeout) for line in data.split(b"\n") if line.strip()]
        return all(sent)

    def read(self, timeout: float) -> bytes | None:
        """The next message that came back."""
        try:
            return self._lines.get(timeout=max(timeout, 0.001))
        except queue.Empty:
            return None

    def ending(self) -> str:
        """Why the server can no longer be reached."""
        return self._ending

    def errors(self) -> tuple[str, ...]:
        """Why requests were not answered with a message; what a server logs stays with it."""
        return tuple(self.refusals)

    def finish(self) -> None:
        """Tell the server that nothing more will be sent; what is under way may still be answered."""

    def close(self) -> None:
        """End the conversation, and every stream that is still open."""
        self.finish()
        self._closed = True
        for opened in list(self._open.values()):
            shut(opened)

    def _post(self, line: bytes, timeout: float) -> bool:
        raise NotImplementedError

    def _sent(
        self, endpoint: Endpoint, method: str, headers: Mapping[str, str], body: bytes | None
    ) -> http.client.HTTPConnection | None:
        """A request that was sent; None where it was not taken. Where nobody takes connections, it is all over."""
        try:
            connection = endpoint.reach()
        except Unreachable as error:
            self._ending, self.vanished = str(error), not self._broke
            return None
        self._open[connection] = connection.sock
        try:
            endpoint.send(connection, method, headers, body)
        except NO_ANSWER as error:
            self._over(connection, error)
            return None
        return connection

    def _in_a_thread(
        self, read: Callable[[Incoming], None], connection: http.client.HTTPConnection, *, needed: bool = True
    ) -> threading.Thread:
        """Read an answer; whatever comes of it, its connection is closed in the end, and told where it was needed."""

        def run() -> None:
            failure: Exception | None = None
            try:
                with contextlib.closing(Incoming(connection)) as answer:
                    read(answer)
            except (*NO_ANSWER, ValueError) as error:
                failure = error
            self._over(connection, failure if needed else None)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        return thread

    def _over(self, connection: http.client.HTTPConnection, failure: Exception | None) -> None:
        if failure is not None and not self._closed:
            self._broke = True
            self.refusals.append(f"no answer of HTTP ({printable(type(failure).__name__)})")
        self._open.pop(connection, None)
        connection.close()

    def _put(self, line: bytes) -> None:
        if b'"x-mcp-header"' in line:
            self._subject.mirrored.update(mirrored(_value(line)))
        while not self._closed:  # a flood waits for its reader, who will have seen enough
            with contextlib.suppress(queue.Full):
                self._lines.put(line, timeout=0.2)
                return


class HttpLink(_Link):
    """One conversation over Streamable HTTP: a session, where the server makes one.

    Attributes:
        session: the session's id; None where there is none.
    """

    transport: Literal["stdio", "http", "sse"] = "http"

    def __init__(self, subject: HttpSubject) -> None:
        super().__init__(subject)
        self.session: str | None = None
        self._version: str | None = None
        self._modern: str | None = None

    def finish(self) -> None:
        """End the session."""
        if self.session is not None and not self._ending and not self._finished:
            self._finished = True
            with contextlib.suppress(*NO_ANSWER):
                self.exchange("DELETE", {SESSION: self.session})

    def headers_for(self, message: Any) -> dict[str, str]:
        """The headers that a client sends with a message; of several in an array the first stands for all."""
        headers = dict(BOTH)
        if isinstance(message, list) and message:
            message = message[0]
        if not isinstance(message, dict):
            message = {}
        params = message.get("params")
        params = params if isinstance(params, dict) else {}
        method, named = message.get("method"), _named_version(message)
        if named is not None:
            headers["MCP-Protocol-Version"] = header_value(named)
            if isinstance(method, str):
                headers["Mcp-Method"] = header_value(method)
            if isinstance(subject := params.get(_NAMED_BY.get(str(method), "")), str):
                headers["Mcp-Name"] = header_value(subject)
                if method == "tools/call":
                    headers.update(self._repeated(subject, params.get("arguments")))
        elif method != "initialize":
            if version := self._version or self._modern:
                headers["MCP-Protocol-Version"] = version
            if self._modern and isinstance(method, str) and "id" in message:
                headers["Mcp-Method"] = header_value(method)
            if self.session is not None:
                headers[SESSION] = self.session
        return headers

    def stream(self, method: str, headers: Mapping[str, str], body: Any = None) -> Stream:
        """One raw request, whose answer is read as it comes.

        Raises:
            OSError, http.client.HTTPException: where it cannot be sent.
        """
        data = body if isinstance(body, bytes) or body is None else encode(body)
        return Stream(self._subject.endpoint, method, headers, data)

    def exchange(self, method: str, headers: Mapping[str, str], body: Any = None) -> HttpAnswer:
        """One raw request and its whole answer; of a stream, all up to its end or to the first answer in it.

        Raises:
            OSError, http.client.HTTPException: where there was none.
        """
        deadline = time.monotonic() + self._subject.timeout
        stream = self.stream(method, headers, body)
        try:
            head = stream.head(self._subject.timeout)
            come: list[Event] = []
            if not (method == "GET" and head.streams):
                for event in stream.until(deadline - time.monotonic()):
                    come.append(event)
                    if head.streams and (is_answer(event.line) or len(come) == _MOST_EVENTS):
                        break
                else:
                    stream.check_end()
            return HttpAnswer(head.status, head.headers, tuple(come), head.streams)
        finally:
            stream.close()

    def _repeated(self, tool: str, arguments: Any) -> Iterator[tuple[str, str]]:
        for name, path in self._subject.mirrored.get(tool, ()):
            text = as_header(at(arguments, path))
            if text is not None:
                yield PREFIX + name, header_value(text)

    def _post(self, line: bytes, timeout: float) -> bool:
        message = _value(line)
        connection = self._sent(self._subject.endpoint, "POST", self.headers_for(message), line)
        if connection is None:
            return False
        method = message.get("method") if isinstance(message, dict) else None
        first, asks, named = method == "initialize", _asks(message), _named_version(message)

        def take(answer: Incoming) -> None:
            if named and answer.status == http.client.OK:
                self._modern = named  # what cannot name the revision itself is from now on of this one too
            self._take(answer, first=first, asks=asks)

        thread = self._in_a_thread(take, connection)
        if first or not asks or not isinstance(message, dict):
            thread.join(timeout)
        if self._subject.listens and method == "notifications/initialized":
            self._listen()
        return True

    def _take(self, answer: Incoming, *, first: bool, asks: bool) -> None:
        """Each message in an answer becomes a line.

        What asks nothing may be refused with an error in the body, which is no answer in the sense of JSON-RPC.
        """
        carries = answer.streams or answer.kind == "application/json"
        refused = answer.status >= 400
        reason = {**_SHUT_OUT, **(_NOT_HERE if first else {})}.get(answer.status, "")
        if reason and not self._welcome:
            self._turned_away(answer, reason)
            return
        self._welcome = self._welcome or not refused
        if not carries and (asks or refused):
            self.refusals.append(answer.told())
        elif first and carries:
            self._begin(answer)
        elif carries and (asks or not refused):
            self._follow(answer)

    def _turned_away(self, answer: Incoming, reason: str) -> None:
        """Take in a refusal of the first message: unless it is one of JSON-RPC, nothing more can be said."""
        lines = [event.line for event in answer.events() if event.line]
        if any(b'"jsonrpc"' in line for line in lines):
            self._welcome = True
            for line in lines:
                self._put(line)
        else:
            self.refusals.append(answer.told())
            self._ending, self.vanished = f"answers with {answer.told()} ({reason})", True

    def _begin(self, answer: Incoming) -> None:
        """Take in the answer to initialize: where it is a result, its session and version are ours from now on."""
        for event in answer.events():
            if event.line:
                with contextlib.suppress(ValueError, KeyError, TypeError):
                    agreed = json.loads(event.line)["result"]["protocolVersion"]
                    fits = isinstance(agreed, str) and agreed.isascii() and agreed.isprintable()
                    self._version = agreed if fits else None
                    self.session = answer.headers.get(SESSION.lower())
                self._tell(answer, event.line)

    def _follow(self, answer: Incoming) -> None:
        """Take in an answer; where its stream ends before that and can be resumed, come back for the rest."""
        last, wait = self._hear(answer)
        for _ in range(_RETURNS):
            if last is None or self._closed:
                return
            time.sleep(wait)
            headers = {**self.headers_for({}), **EVENTS, LAST_EVENT: last}
            connection = self._sent(self._subject.endpoint, "GET", headers, None)
            if connection is None:
                return
            try:
                with contextlib.closing(Incoming(connection)) as again:
                    last, wait = self._hear(again) if again.status == http.client.OK and again.streams else (None, 0.0)
            finally:
                self._over(connection, None)

    def _listen(self) -> None:
        """Open the stream of the server's own messages, which it need not have."""
        headers = {**self.headers_for({}), **EVENTS}
        connection = self._sent(self._subject.endpoint, "GET", headers, None)
        if connection is not None:
            self._in_a_thread(self._own, connection, needed=False)

    def _tell(self, answer: Incoming, line: bytes) -> None:
        """Make a message a line; what comes with a refusal of HTTP and is none of JSON-RPC says nothing to a client."""
        if answer.status >= 400 and b'"jsonrpc"' not in line:
            self.refusals.append(answer.told())
        else:
            self._put(line)

    def _own(self, answer: Incoming) -> None:
        if answer.status == http.client.OK and answer.streams:
            self._hear(answer)

    def _hear(self, answer: Incoming) -> tuple[str | None, float]:
        """Make each message a line; of a stream that had ids and no answer, the last of them and when to come back."""
        last: str | None = None
        wait, answered = _RETRY, False
        for event in answer.events():
            last = (event.id or None) if "id" in event.fields else last
            retry = event.fields.get("retry", "")
            wait = min(int(retry[:9]) / 1000, _LONGEST_RETRY) if retry.isascii() and retry.isdigit() else wait
            if event.line:
                answered = answered or (last is not None and is_answer(event.line))
                self._tell(answer, event.line)
        return (None if answered or last is None else header_bytes(last)), wait


class SseLink(_Link):
    """One conversation over the transport of 2024-11-05: what is posted to one URL is answered on a stream of another.

    Raises:
        Refused: where the server does not say where messages are taken.
    """

    transport: Literal["stdio", "http", "sse"] = "sse"

    def __init__(self, subject: HttpSubject) -> None:
        super().__init__(subject)
        self._there: Endpoint | None = None
        self._named = threading.Event()
        connection = self._sent(subject.endpoint, "GET", EVENTS, None)
        if connection is not None:
            self._in_a_thread(self._hear, connection)
            self._named.wait(subject.timeout)
        if self._there is None:
            self.close()
            why = self.refusals[-1] if self.refusals else self._ending
            raise Refused(f"{subject.name} did not say where it takes messages", why=why)

    def _hear(self, answer: Incoming) -> None:
        try:
            if answer.status != http.client.OK or not answer.streams:
                self.refusals.append(answer.told())
                return
            for event in answer.events():
                if event.type == "endpoint":
                    self._go_to(event.line)
                elif event.line:
                    self._put(event.line)
        finally:
            self._ending = self._ending or "closed its stream"
            self._named.set()

    def _go_to(self, reference: bytes) -> None:
        """Post to the URL that the server names, where it is its own: our headers are for nobody else."""
        if self._there is None:
            self._there = self._subject.endpoint.beside(reference.decode("utf-8", "replace"))
            if self._there is None:
                self.refusals.append("the endpoint that it names is not at the same scheme, host and port")
            self._named.set()

    def _post(self, line: bytes, timeout: float) -> bool:
        assert self._there is not None
        connection = self._sent(self._there, "POST", {"Content-Type": "application/json"}, line)
        if connection is None:
            return False
        self._in_a_thread(self._take, connection).join(timeout)
        return True

    def _take(self, answer: Incoming) -> None:
        if answer.status >= 400:
            self.refusals.append(answer.told())


def is_answer(line: bytes) -> bool:
    """Whether a message is the answer to a request."""
    value = _value(line)
    return isinstance(value, dict) and "method" not in value and ("result" in value or "error" in value)


def _named_version(message: Any) -> str | None:
    """The revision that a request names itself, which the modern ones do; None where there is none."""
    params = message.get("params") if isinstance(message, dict) else None
    meta = params.get("_meta") if isinstance(params, dict) else None
    named = meta.get(_META_VERSION) if isinstance(meta, dict) else None
    return named if isinstance(named, str) else None


def _asks(message: Any) -> bool:
    """Whether a message is to be answered with one: a request is, and what is none at all."""
    if isinstance(message, list) and message:
        return any(_asks(one) for one in message)
    return not isinstance(message, dict) or not message or ("method" in message and "id" in message)


def _value(line: bytes) -> Any:
    with contextlib.suppress(ValueError, RecursionError):
        return json.loads(line)
    return None
