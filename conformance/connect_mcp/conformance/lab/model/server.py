"""The scripted model: on loopback, for every host in the dialect that it asks in."""

import json
import socket
import threading
import time
from collections.abc import Mapping
from types import TracebackType

from ...session import Json
from .anthropic import ANTHROPIC
from .chat import CHAT
from .dialect import USAGE, Dialect
from .gemini import GEMINI, STREAMED, WHOLE
from .loopback import Loopback, Reply, Request
from .naming import named
from .responses import RESPONSES
from .script import UNANSWERED, Answer, NameOf, Script, Turn

_KEPT = 256 << 10  # bytes of a request that a turn keeps
_MOST = 1000  # requests in all: a host that goes on for ever is told so
_TIMES = 4  # that a call is made: Continue forgets a result that is too long for it, and would ask for ever

_DIALECTS: Mapping[str, Dialect] = {
    "/messages": ANTHROPIC,
    "/responses": RESPONSES,
    "/chat/completions": CHAT,
    WHOLE: GEMINI,
    STREAMED: GEMINI,
}
"""Which dialect a request is in, by the end of its path: hosts differ in what they put before it."""

_ASIDES: Mapping[tuple[str, str], Json] = {
    ("HEAD", "/"): {},
    ("GET", "/"): {},
    ("GET", "/v1/models"): {"object": "list", "data": [], "models": []},
    ("POST", "/messages/count_tokens"): {"input_tokens": USAGE},
    ("POST", ":countTokens"): {"totalTokens": USAGE},
}
"""What hosts ask besides, by the end of the path: whether anybody is there, which models, how long a text is."""


class ScriptedModel:
    """The model, which runs within a `with`.

    Args:
        script: what it does.
        name_of: finds the server's tool among those that are offered; `naming.named` makes one that knows the server's
            name, which finds more.
        listener: a listening socket on loopback, where it is not to be a free port of this network namespace. It is
            closed at the end.

    Attributes:
        url: without a path, "http://127.0.0.1:PORT", once it runs.
    """

    def __init__(self, script: Script, name_of: NameOf | None = None, listener: socket.socket | None = None) -> None:
        self.url = ""
        self._script = script
        self._name_of = name_of or named()
        self._listener = listener
        self._lock = threading.Lock()
        self._turns: list[Turn] = []
        self._unknown: list[str] = []
        self._asked = 0

    def __enter__(self) -> "ScriptedModel":  # noqa: PYI034 - Self is new in Python 3.11
        self._server = Loopback(self._answer, self._listener)
        self.url = f"http://127.0.0.1:{self._server.port}"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.end()

    @property
    def turns(self) -> tuple[Turn, ...]:
        """The requests that it answered so far, in the order in which it did."""
        with self._lock:
            return tuple(self._turns)

    @property
    def unknown(self) -> tuple[str, ...]:
        """The requests that it could make nothing of, each as its method and path, and why."""
        with self._lock:
            return tuple(self._unknown)

    def _answer(self, request: Request) -> Reply:
        with self._lock:
            self._asked += 1
            if self._asked > _MOST:
                return Reply(_fault(f"these are more than {_MOST} requests"), 400)
        dialect = next((row for tail, row in _DIALECTS.items() if request.path.endswith(tail)), None)
        if request.unreadable:
            return self._wondering(request, request.unreadable, dialect)
        if dialect is not None and request.method == "POST":
            return self._turn(request, dialect)
        for (method, tail), value in _ASIDES.items():
            if request.method == method and request.path.endswith(tail) and (tail != "/" or request.path == tail):
                return Reply(value)
        return self._wondering(request, "nobody knows this path", None, 404)

    def _turn(self, request: Request, dialect: Dialect) -> Reply:
        at = time.monotonic()
        try:
            body = json.loads(request.body)
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            return self._wondering(request, "the body is no JSON object", dialect)
        asked = dialect.read(request.path, body)
        with self._lock:
            answer = self._bounded(self._script.answer(asked, self._name_of))
            self._turns.append(
                Turn(
                    at=at,
                    path=request.path,
                    dialect=dialect.name,
                    model=asked.model,
                    streamed=asked.streamed,
                    offered=asked.offered,
                    seen=self._script.seen(asked),
                    answered=answer,
                    body=request.body[:_KEPT],
                )
            )
        if asked.streamed:
            return Reply(events=dialect.events(asked, answer), end=dialect.end)
        return Reply(dialect.whole(asked, answer))

    def _bounded(self, answer: Answer) -> Answer:
        """The answer, unless its calls were made too often."""
        ids = [made.id for made in answer.calls]
        before = sum([made.id for made in turn.answered.calls] == ids for turn in self._turns)
        if not ids or before < _TIMES:
            return answer
        return Answer(text=UNANSWERED.format(tool=answer.calls[0].tool.full, times=before))

    def _wondering(self, request: Request, why: str, dialect: Dialect | None, status: int = 400) -> Reply:
        with self._lock:
            self._unknown.append(f"{request.method} {request.path}: {why}")
        return Reply((dialect.fault if dialect else _fault)(why), status)


def _fault(message: str) -> Json:
    return {"error": {"message": message}}
