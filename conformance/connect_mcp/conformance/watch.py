"""Rules about everything that a subject ever says: each message is judged as it comes, in every conversation."""

import threading
from collections.abc import Callable, Mapping
from typing import Any

from connect_mcp.base.text import printable

from .requirement import MODERN
from .result import Line
from .wire import Seen, encode, id_key, is_id

_META = "io.modelcontextprotocol/"
_UNDECLARED = {
    "notifications/tools/list_changed": ("tools", "listChanged"),
    "notifications/prompts/list_changed": ("prompts", "listChanged"),
    "notifications/resources/list_changed": ("resources", "listChanged"),
    "notifications/resources/updated": ("resources", "subscribe"),
    "notifications/message": ("logging", None),
}
"""What a server may only send where it has declared this capability, and this member of it."""

_OURS = {"roots/list": "roots", "sampling/createMessage": "sampling", "elicitation/create": "elicitation"}
"""What a server may only ask of a client that has declared this capability; the kit declares none."""


class Observed:
    """What was seen of the rules of this module in one revision, over all its conversations."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.judged: dict[str, int] = {}
        self.broken: dict[str, tuple[str, tuple[Line, ...]]] = {}
        self.known: set[int] = set()

    def note(self, rule: str, problem: str, exchange: Callable[[], tuple[Line, ...]]) -> None:
        """A rule was judged; the first problem is kept, with what had been said before it."""
        with self._lock:
            self.judged[rule] = self.judged.get(rule, 0) + 1
            if problem and rule not in self.broken:
                self.broken[rule] = (problem, exchange()[-6:])


class Watch:
    """One conversation, as far as the rules need to know it.

    Args:
        revision: which revision is spoken.
        observed: where what is judged is noted.

    Attributes:
        asked: the methods of the requests that were sent, by their ids as JSON text.
        params: the params of those requests, likewise.
        answered: the ids of the answers that came.
        muddied: whether anything was sent that is no request; what an error is about cannot be told then.
        capabilities: those that the server declared; None before it did.
        level: whether anything was ever asked to be logged.
        their_ids: the ids of the server's own requests.
        progress: the last progress by the token that a request was sent with; None before there was any.
        over: the tokens of requests that were answered.
    """

    def __init__(self, revision: str, observed: Observed) -> None:
        self.revision = revision
        self.modern = revision == MODERN
        self.asked: dict[str, str] = {}
        self.params: dict[str, dict[str, Any]] = {}
        self.answered: set[str] = set()
        self.muddied = False
        self.capabilities: Mapping[str, Any] | None = None
        self.level = False
        self.their_ids: set[str] = set()
        self.progress: dict[str, float | None] = {}
        self.over: set[str] = set()
        self._observed = observed

    def sent(self, message: Any) -> None:
        """We sent this."""
        for item in message if isinstance(message, list) else [message]:
            if isinstance(item, dict) and isinstance(item.get("method"), str):
                self._called(item)
            elif not (isinstance(item, dict) and ("result" in item or "error" in item)):
                self.muddied = True

    def judge(self, seen: Seen, exchange: Callable[[], tuple[Line, ...]]) -> None:
        """The subject said this: every rule that has something to say about it is noted."""
        for rule, judge in RULES.items():
            problem = judge(self, seen)
            if problem is not None:
                self._observed.note(rule, problem, exchange)
        self._learn(seen)

    def token_of(self, seen: Seen) -> str | None:
        """The token of a progress notification as JSON text; None where it is none."""
        if seen.kind != "notification" or seen.method != "notifications/progress":
            return None
        return id_key(seen.params.get("progressToken"))

    def foreign(self, seen: Seen) -> bool:
        """Whether the request that this answers was one of the other era than the conversation."""
        meta = self.params.get(id_key(seen.id), {}).get("_meta")
        named = isinstance(meta, dict) and _META + "protocolVersion" in meta
        return named is not self.modern

    def seen_before(self, method: str, value: dict[str, Any]) -> bool:
        """Whether an answer like this was judged already: long lists come often, and judging one takes a while."""
        key = hash((method, encode({**value, "id": None})))
        known = key in self._observed.known
        self._observed.known.add(key)
        return known

    def modern_result(self, seen: Seen) -> dict[str, Any] | None:
        """The result that this is, where its request was one of the revision in which each stands alone."""
        if not self.modern or seen.kind != "result" or self.foreign(seen):
            return None
        result = seen.value["result"]
        return result if isinstance(result, dict) else None

    def request_of(self, seen: Seen) -> str:
        """The method of the request that this answers; empty where that is not known."""
        return self.asked.get(id_key(seen.id), "")

    def _called(self, item: dict[str, Any]) -> None:
        params = item.get("params")
        params = params if isinstance(params, dict) else {}
        if not is_id(item.get("id")):
            self.muddied = self.muddied or "id" in item
            return
        key = id_key(item["id"])
        self.asked[key], self.params[key] = item["method"], params
        self.level = self.level or item["method"] == "logging/setLevel"
        meta = params.get("_meta")
        if isinstance(meta, dict) and "progressToken" in meta:
            self.progress.setdefault(id_key(meta["progressToken"]), None)
        if isinstance(meta, dict) and _META + "logLevel" in meta:
            self.level = True

    def _learn(self, seen: Seen) -> None:
        if seen.kind in ("result", "error"):
            self._answered(seen)
        elif seen.kind == "request":
            self.their_ids.add(id_key(seen.id))
        elif (token := self.token_of(seen)) is not None:
            progress = seen.params.get("progress")
            if isinstance(progress, int | float):
                self.progress[token] = progress

    def _answered(self, seen: Seen) -> None:
        key = id_key(seen.id)
        self.answered.add(key)
        meta = self.params.get(key, {}).get("_meta")
        if isinstance(meta, dict) and "progressToken" in meta:
            self.over.add(id_key(meta["progressToken"]))
        result = seen.value.get("result")
        if self.asked.get(key) in ("initialize", "server/discover") and isinstance(result, dict):
            declared = result.get("capabilities")
            self.capabilities = declared if isinstance(declared, dict) else {}


def _purity(_watch: Watch, seen: Seen) -> str | None:
    impure = seen.kind in ("none", "batch") and not seen.cut_off
    return f"a line is no message: {printable(seen.problem)}" if impure else ""


def _messages_alone(_watch: Watch, seen: Seen) -> str | None:
    return f"an answer holds what is no message: {printable(seen.problem)}" if seen.kind in ("none", "batch") else ""


def _one_line(_watch: Watch, seen: Seen) -> str | None:
    return "a line holds the beginning of a message and not its end" if seen.cut_off else ""


def _unique_keys(_watch: Watch, seen: Seen) -> str | None:
    return next((note for note in seen.notes if "more than once" in note), "")


def _unicode(_watch: Watch, seen: Seen) -> str | None:
    return next((note for note in seen.notes if "surrogate" in note), "")


def _shape(_watch: Watch, seen: Seen) -> str | None:
    if seen.kind not in ("result", "error"):
        return None
    return f"an answer is malformed: {printable(seen.problem)}" if seen.problem else ""


def _call_shape(_watch: Watch, seen: Seen) -> str | None:
    if seen.kind not in ("request", "notification"):
        return None
    return f"a {seen.kind} of the server is malformed: {printable(seen.problem)}" if seen.problem else ""


def _once(watch: Watch, seen: Seen) -> str | None:
    if seen.kind not in ("result", "error") or not is_id(seen.id):
        return None
    key = id_key(seen.id)
    return f"the request with id {printable(key)} was answered more than once" if key in watch.answered else ""


def _known(watch: Watch, seen: Seen) -> str | None:
    if seen.kind not in ("result", "error") or not is_id(seen.id) or watch.muddied:
        return None
    key = id_key(seen.id)
    return "" if key in watch.asked else f"an answer has the id {printable(key)}, which no request had"


def _fits(watch: Watch, seen: Seen) -> str | None:
    from .schemas import faults

    if seen.problem or seen.kind in ("none", "batch"):
        return None
    method = watch.request_of(seen)
    if seen.kind in ("result", "error") and (not method or (seen.kind == "result" and watch.foreign(seen))):
        return None
    if watch.seen_before(method, seen.value):
        return ""
    found = faults(seen.value, watch.revision, method or None)
    about = f"the answer to {method}" if method else f"a {seen.kind}"
    return f"in {printable(about)}, {found[0]}" if found else ""


def _code(_watch: Watch, seen: Seen) -> int | None:
    error = seen.value.get("error") if seen.kind == "error" else None
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, int) and not isinstance(code, bool) else None


_JSON_RPC = {-32700, -32600, -32601, -32602, -32603}


def _legacy_codes(watch: Watch, seen: Seen) -> str | None:
    code = _code(watch, seen)
    if code is None or watch.modern:
        return None
    # A server of both eras may well answer with a code of the newer one; -32000 to -32019 mean nothing in particular.
    known = {*_JSON_RPC, -32002, -32042, -32020, -32021, -32022}
    fine = code in known or -32019 <= code <= -32000 or (code != 0 and not -32768 <= code <= -32000)
    return "" if fine else f"error {code} is none that JSON-RPC or the revision defines"


def _modern_codes(watch: Watch, seen: Seen) -> str | None:
    code = _code(watch, seen)
    if code is None or not watch.modern:
        return None
    known = {*_JSON_RPC, -32020, -32021, -32022}
    reserved = -32768 <= code <= -32000 and code not in known and not -32019 <= code <= -32003
    return f"error {code} is reserved, and {watch.revision} does not define it" if reserved or code == 0 else ""


def _declared(watch: Watch, seen: Seen) -> str | None:
    if seen.kind != "notification" or seen.method not in _UNDECLARED or watch.capabilities is None:
        return None
    capability, member = _UNDECLARED[seen.method]
    declared = watch.capabilities.get(capability)
    if isinstance(declared, dict) and (member is None or declared.get(member)):
        return ""
    missing = f"{capability}.{member}" if member else capability
    return f"the server sent {seen.method} and has not declared {missing}"


def _client_can(watch: Watch, seen: Seen) -> str | None:
    if seen.kind != "request" or watch.modern:
        return None
    capability = _OURS.get(seen.method)
    return f"the server asked for {seen.method}, and the client had not declared {capability}" if capability else ""


def _their_ids(watch: Watch, seen: Seen) -> str | None:
    if seen.kind != "request" or not is_id(seen.id):
        return None
    key = id_key(seen.id)
    return f"the server used the id {printable(key)} for two of its requests" if key in watch.their_ids else ""


def _no_requests(watch: Watch, seen: Seen) -> str | None:
    if not watch.modern:
        return None
    return f"the server sent the request {printable(seen.method[:80])}" if seen.kind == "request" else ""


def _result_type(watch: Watch, seen: Seen) -> str | None:
    result = watch.modern_result(seen)
    if result is None:
        return None
    kind = result.get("resultType")
    if kind in ("complete", "input_required"):
        return ""
    return f"the answer to {printable(watch.request_of(seen))} has " + (
        "no resultType" if kind is None else "a resultType that there is not"
    )


def _cached(watch: Watch, seen: Seen) -> str | None:
    method, result = watch.request_of(seen), watch.modern_result(seen)
    if result is None or result.get("resultType") == "input_required":
        return None
    if not method.endswith(("/list", "/read", "/discover")):
        return None
    ttl, scope = result.get("ttlMs"), result.get("cacheScope")
    if not isinstance(ttl, int | float) or isinstance(ttl, bool) or ttl < 0:
        return f"the answer to {method} has no ttlMs of 0 or more"
    return "" if scope in ("public", "private") else f"the answer to {method} has no cacheScope, public or private"


def _names_itself(watch: Watch, seen: Seen) -> str | None:
    result = watch.modern_result(seen)
    if result is None:
        return None
    meta = result.get("_meta")
    info = meta.get(_META + "serverInfo") if isinstance(meta, dict) else None
    about = printable(watch.request_of(seen))
    return "" if isinstance(info, dict) else f"the answer to {about} has no serverInfo in _meta"


def _log_unasked(watch: Watch, seen: Seen) -> str | None:
    if not watch.modern:
        return None
    logs = seen.kind == "notification" and seen.method == "notifications/message"
    return (
        "the server sent notifications/message, and no request had asked for a logLevel"
        if logs and not watch.level
        else ""
    )


def _token_known(watch: Watch, seen: Seen) -> str | None:
    token = watch.token_of(seen)
    if token is None:
        return None
    return "" if token in watch.progress else f"progress has the token {printable(token)}, which no request had"


def _rising(watch: Watch, seen: Seen) -> str | None:
    token = watch.token_of(seen)
    progress, before = seen.params.get("progress"), watch.progress.get(token or "")
    if token is None or not isinstance(progress, int | float):
        return None
    return f"progress went from {before} to {progress}" if before is not None and progress <= before else ""


def _progress_over(watch: Watch, seen: Seen) -> str | None:
    token = watch.token_of(seen)
    if token is None:
        return None
    return f"progress for {printable(token)} came after the answer" if token in watch.over else ""


Rule = Callable[[Watch, Seen], "str | None"]
"""None where the message is none of its business, else what is wrong with it, or nothing."""

RULES: Mapping[str, Rule] = {
    "STDOUT-PURE": _purity,
    "HTTP-MESSAGES": _messages_alone,
    "FRAME-ONE-LINE": _one_line,
    "JSON-KEYS": _unique_keys,
    "JSON-UNICODE": _unicode,
    "RESP-SHAPE": _shape,
    "CALL-SHAPE": _call_shape,
    "RESP-ONCE": _once,
    "RESP-KNOWN": _known,
    "MSG-SCHEMA": _fits,
    "ERR-CODES": _legacy_codes,
    "ERR-CODES-2026": _modern_codes,
    "CAP-UNUSED": _declared,
    "CLIENT-CAP": _client_can,
    "SERVER-IDS": _their_ids,
    "MODERN-NOREQUESTS": _no_requests,
    "MODERN-RT": _result_type,
    "MODERN-CACHE": _cached,
    "MODERN-SERVERINFO": _names_itself,
    "MODERN-NOLOG": _log_unasked,
    "PROGRESS-TOKEN": _token_known,
    "PROGRESS-RISING": _rising,
    "PROGRESS-DONE": _progress_over,
}
"""By the id of the requirement."""
