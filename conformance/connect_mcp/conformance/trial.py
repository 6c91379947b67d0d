"""What a run knows of its subject: how to open conversations with it, and what it offers in each revision."""

import contextlib
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

from connect_mcp.base.errors import Refused
from connect_mcp.base.masking import telling_values
from connect_mcp.base.record import field, record
from connect_mcp.base.secrets import known_values
from connect_mcp.base.text import printable

from .requirement import MODERN, REVISIONS
from .result import Absent, Broken, Ended, NotApplicable
from .subject import Subject
from .talk import CLIENT, Answer, Talk
from .watch import Observed, Watch

T = TypeVar("T")

_PAGES = 50
_CALLS, _READS, _PROMPTS = 6, 3, 3
"""How many tools are called, resources read and prompts got when what a subject offers is looked at."""


@record
class Pace:
    """How long is waited for what may or may not come, in seconds.

    Attributes:
        silence: after the fence, where nothing must come.
        grace: after the fence, where an answer must come.
        before_fence: before an answer that did not come is asked after with a fence.
        early: for what is said before it may be said.
        end: for a server to end after its input did.
    """

    silence: float = 0.2
    grace: float = 1.0
    before_fence: float = 0.3
    early: float = 0.3
    end: float = 5.0


@record
class Options:
    """How a run is made.

    Attributes:
        timeout: seconds to wait for an answer.
        call_tools: whether tools may be called that are not annotated as read-only.
        examples: arguments for tools, by the tool's name; a tool that has some may be called.
        strict: whether rules of JSON-RPC alone are as binding as they say.
        jobs: how many processes of the subject may run at the same time.
        pace: how long is waited for what may or may not come.
    """

    timeout: float = 10.0
    call_tools: bool = False
    examples: Mapping[str, Any] = field(default_factory=dict)
    strict: bool = False
    jobs: int = 2
    pace: Pace = field(default_factory=Pace)


@record
class Called:
    """A request that was made to see what comes, and its answer.

    Attributes:
        what: the tool, the prompt or the resource as it is listed.
        params: the request's params.
        answer: what came back.
    """

    what: Mapping[str, Any]
    params: Mapping[str, Any]
    answer: Answer


@record
class Known:
    """Whether a subject speaks a revision.

    Attributes:
        missing: why no conversation in it can be had; None where it can.
        capabilities: those that the subject declares in it.
    """

    missing: Ended | None = None
    capabilities: Mapping[str, Any] = field(default_factory=dict)


@record
class Tour:
    """What a subject offers in one revision, all of it looked at as a host would.

    Attributes:
        tools, resources, templates, prompts: what it lists, over all pages; what is malformed in them is left out.
        calls, reads, gets: tools called, resources read, prompts got.
        uncalled: why tools were not called, by their names.
    """

    tools: tuple[Mapping[str, Any], ...] = ()
    resources: tuple[Mapping[str, Any], ...] = ()
    templates: tuple[Mapping[str, Any], ...] = ()
    prompts: tuple[Mapping[str, Any], ...] = ()
    calls: tuple[Called, ...] = ()
    reads: tuple[Called, ...] = ()
    gets: tuple[Called, ...] = ()
    uncalled: Mapping[str, str] = field(default_factory=dict)


class Trial:
    """One run's view of its subject.

    Attributes:
        fence_method: a request that the subject answers in the revisions with `initialize`.
        stopping: set where the run was interrupted.
    """

    def __init__(self, subject: Subject, options: Options) -> None:
        self.subject = subject
        self.options = options
        self.fence_method = "ping"
        self.stopping = False
        self.secrets = [*telling_values(os.environ), *known_values(), *subject.secrets]
        self._observed: dict[str, Observed] = {}
        self._known: dict[str, Known] = {}
        self._tours: dict[str, Tour | Ended] = {}
        self._making: dict[object, threading.Lock] = {}
        self._made: dict[object, Any] = {}
        self._lock = threading.Lock()
        self._touring = {revision: threading.Lock() for revision in REVISIONS}

    def observed(self, revision: str) -> Observed:
        """What was seen of the rules about everything that is said."""
        with self._lock:
            return self._observed.setdefault(revision, Observed())

    def once(self, key: object, make: Callable[[], T]) -> T:
        """What `make` gives, made once for each key."""
        with self._lock:
            lock = self._making.setdefault(key, threading.Lock())
        with lock:
            if key not in self._made:
                self._made[key] = make()
            made: T = self._made[key]
            return made

    def known(self, revision: str) -> Known:
        """Whether the subject speaks the revision; found out once, by `look`."""
        return self._known[revision]

    def look(self, revision: str) -> Known:
        """Find out whether the subject speaks a revision."""
        try:
            with self.open(revision) as talk:
                said = talk.info.get("capabilities")
                known = Known(None, said if isinstance(said, dict) else {})
        except Ended as ended:
            known = Known(missing=ended)
        self._known[revision] = known
        return known

    def look_once(self, revision: str) -> Known:
        """The same, where that is not known yet."""
        return self._known.get(revision) or self.look(revision)

    def tour(self, revision: str) -> Tour:
        """What the subject offers in a revision; looked at once, where it is first asked for.

        Raises:
            Inconclusive: where it died or stopped answering meanwhile.
        """
        with self._touring[revision]:
            if revision not in self._tours:
                try:
                    with self.open(revision) as talk, talk.preparing("looking at what the server offers"):
                        self._tours[revision] = _toured(talk)
                except Ended as ended:
                    self._tours[revision] = ended
        tour = self._tours[revision]
        if isinstance(tour, Ended):
            raise tour
        return tour

    @contextlib.contextmanager
    def open(
        self,
        revision: str,
        *,
        handshake: bool = True,
        deaf: bool = False,
        more_env: Mapping[str, str] | None = None,
    ) -> Iterator[Talk]:
        """A conversation with a new process; what the subject says is watched.

        Args:
            revision: what is spoken.
            handshake: whether it is opened as the revision wants it.
            deaf: whether the subject's standard error is left unread.
            more_env: further variables for the process.

        Raises:
            NotApplicable: where the subject does not speak the revision.
            Absent: where it cannot be started or reached, or ends before it says anything.
            Inconclusive: where it cannot be spoken with.
        """
        try:
            link = self.subject.open(deaf=deaf, more_env=more_env)
        except Refused as refused:
            raise Absent(": ".join(part for part in (refused.what, refused.why) if part)) from None
        talk = Talk(link, self, revision, Watch(revision, self.observed(revision)))
        try:
            if handshake:
                with talk.preparing("the handshake"):
                    _shake_hands(talk)
            yield talk
        except Ended as ended:
            ended.exchange = ended.exchange or talk.exchange()
            raise
        finally:
            link.close()


def _shake_hands(talk: Talk) -> None:
    try:
        (_discover if talk.modern else initialized)(talk)
    except Broken as broken:
        if talk.never_there:
            raise Absent(f"{broken.why} before it said anything: start it by hand, and look") from None
        raise


def initialize_params(revision: str) -> dict[str, Any]:
    """What a client says first, where the revision begins with `initialize`."""
    return {"protocolVersion": revision, "capabilities": {}, "clientInfo": CLIENT}


def initialized(talk: Talk) -> None:
    """Open a conversation as the revisions with `initialize` want it.

    Raises:
        NotApplicable: where the subject does not speak the revision.
        Broken: where it answers nothing, or what nobody could go on with.
    """
    answer = talk.ask("initialize", initialize_params(talk.revision))
    if answer.error is not None:
        raise NotApplicable(f"the server does not speak {talk.revision}: it answers initialize with {answer}")
    agreed = answer.result.get("protocolVersion") if isinstance(answer.result, dict) else None
    if not isinstance(agreed, str):
        raise Broken("initialize was answered without a protocolVersion")
    if agreed != talk.revision:
        raise NotApplicable(f"the server does not speak {talk.revision}: it offers {printable(agreed)}")
    talk.info = answer.result
    talk.notify("notifications/initialized")


def _discover(talk: Talk) -> None:
    ident = talk.request("server/discover")
    found = talk.first_answer(ident)
    if found is None or found.error is not None:
        told = "is not answered" if found is None else f"is answered with {found}"
        raise NotApplicable(f"the server does not speak {MODERN}: server/discover {told}")
    supported = found.result.get("supportedVersions") if isinstance(found.result, dict) else None
    if not isinstance(supported, list) or talk.revision not in supported:
        raise NotApplicable(f"the server does not name {MODERN} among the versions that it supports")
    talk.info = found.result


def _toured(talk: Talk) -> Tour:
    from .arguments import arguments_for

    capabilities = talk.trial.known(talk.revision).capabilities
    tools = listed(talk, "tools/list", "tools", "name") if "tools" in capabilities else ()
    resources: tuple[Mapping[str, Any], ...] = ()
    templates: tuple[Mapping[str, Any], ...] = ()
    prompts: tuple[Mapping[str, Any], ...] = ()
    if "resources" in capabilities:
        resources = listed(talk, "resources/list", "resources", "uri")
        templates = listed(talk, "resources/templates/list", "resourceTemplates", "uriTemplate")
    if "prompts" in capabilities:
        prompts = listed(talk, "prompts/list", "prompts", "name")
    if "logging" in capabilities and not talk.modern:
        with contextlib.suppress(Broken):
            talk.ask("logging/setLevel", {"level": "debug"})
    tried = 0
    uncalled: dict[str, str] = {}
    calls: list[Called] = []
    for tool in tools:
        arguments, why = arguments_for(tool, talk.trial.options)
        if arguments is None:
            uncalled[tool["name"]] = why
        elif tried < _CALLS or tool["name"] in talk.trial.options.examples:
            tried += 1
            _try(talk, calls, tool, "tools/call", {"name": tool["name"], "arguments": arguments})
        else:
            uncalled[tool["name"]] = f"{_CALLS} others were called"
    reads: list[Called] = []
    for resource in resources[:_READS]:
        _try(talk, reads, resource, "resources/read", {"uri": resource["uri"]})
    _provoke(talk)
    gets: list[Called] = []
    for prompt in prompts[:_PROMPTS]:
        _try(talk, gets, prompt, "prompts/get", {"name": prompt["name"], "arguments": prompt_arguments(prompt)})
    return Tour(tools, resources, templates, prompts, tuple(calls), tuple(reads), tuple(gets), uncalled)


def _provoke(talk: Talk) -> None:
    """Ask for what there is not, so that the rules about errors have something to judge."""
    capabilities = talk.trial.known(talk.revision).capabilities
    rows: tuple[tuple[str, str, dict[str, Any]], ...] = (
        ("tools", "tools/call", {"name": "no_such_tool_xyz", "arguments": {}}),
        ("resources", "resources/read", {"uri": "nowhere://does-not-exist"}),
        ("prompts", "prompts/get", {"name": "no_such_prompt_xyz"}),
    )
    for capability, method, params in rows:
        if capability in capabilities:
            _try(talk, [], {}, method, params)
    _try(talk, [], {}, "does/not_exist", {})


def prompt_arguments(prompt: Mapping[str, Any]) -> dict[str, str]:
    """A value for every argument that a prompt names, all of them texts."""
    said = prompt.get("arguments")
    rows = said if isinstance(said, list) else []
    return {row["name"]: "1" for row in rows if isinstance(row, dict) and isinstance(row.get("name"), str)}


def listed(talk: Talk, method: str, member: str, label: str) -> tuple[Mapping[str, Any], ...]:
    """What a list method lists on all its pages, as far as it can be made use of."""
    found: list[Mapping[str, Any]] = []
    cursors: list[str] = []
    for _ in range(_PAGES):
        try:
            answer = talk.ask(method, {"cursor": cursors[-1]} if cursors else {})
        except Broken:
            if not talk.alive():
                raise
            break
        result = answer.result
        items = result.get(member) if isinstance(result, dict) else None
        if not isinstance(items, list):
            break
        found += [item for item in items if isinstance(item, dict) and isinstance(item.get(label), str)]
        cursor = result.get("nextCursor")
        if not isinstance(cursor, str) or cursor in cursors:
            break
        cursors.append(cursor)
    return tuple(found)


def _try(talk: Talk, into: list[Called], what: Mapping[str, Any], method: str, params: dict[str, Any]) -> None:
    try:
        asked = {"progressToken": f"progress-{len(into)}"} if method == "tools/call" else {}
        into.append(Called(what, params, talk.ask(method, params, **asked)))
    except Broken:
        if not talk.alive():
            raise
