"""One run of a host beside what was planned for it: what the causes look at, and the words that they use."""

from collections.abc import Iterator, Sequence

from connect_mcp.base.record import record, replace
from connect_mcp.base.text import printable
from connect_mcp.installer.hosts.all_hosts import find

from ..profiles import Profile, load, profile_ids
from ..report import for_report
from .all_recipes import selected
from .drive import ENTRY, naming
from .evidence import Evidence, Exchange, Returned, Start
from .model.naming import named
from .model.script import SEARCHES, Answer, Call, Made, Offered, Seen, Turn, call_id
from .planning import Planned

_LONG = 64  # characters of a name that are shown
_LAST = 0.5  # seconds before a host's time was over in which what happens may be the lab's doing


@record
class Dealt:
    """What became of one call of the script.

    Attributes:
        call: the call.
        made: as the model made it; None where it did not.
        reached: the calls that came to the server, each with the process; more than one where the host repeated it.
        seen: what the model saw of the result; None where nothing.
    """

    call: Call
    made: Made | None
    reached: tuple[tuple[Start, Exchange], ...]
    seen: Seen | None

    @property
    def answered(self) -> Exchange | None:
        """The last that was answered."""
        return next((one for _, one in reversed(self.reached) if one.answered is not None), None)


class Case:
    """One run, and what was planned.

    Attributes:
        title: the host with its version.
        starts: the processes of the server.
        start: the one that came furthest; None where there is none.
        names: the tools that the server listed to the host, or lists when it is asked directly.
        turns: what the host asked of its model with any tools, its own or the server's: not for a title beside that.
        dealt: the calls of the script.
    """

    def __init__(self, evidence: Evidence, planned: Planned) -> None:
        (recipe,) = selected([evidence.host_id])
        self._name_of = naming(recipe) if evidence.returned is None else named(ENTRY)
        evidence = evidence if evidence.returned is None else _as_asked(evidence, evidence.returned, planned)
        self.evidence = evidence
        self.planned = planned
        self.host = find(evidence.host_id)
        self.title = f"{self.host.title} {printable(evidence.version)}"
        self.starts = tuple(_let_be(start, evidence) for start in evidence.starts)
        self.start = max(self.starts, key=_progress) if self.starts else None
        self.names = (self.start.tools if self.start else ()) or planned.looked.names
        self.turns = tuple(turn for turn in evidence.turns if turn.offered)
        self.dealt = tuple(_dealt(self.starts, evidence, planned))
        self._shown: dict[str, Offered | None] = {}

    @property
    def profile(self) -> Profile | None:
        """What is known of the host on the wire."""
        return load(self.evidence.host_id) if self.evidence.host_id in profile_ids() else None

    @property
    def asked(self) -> float | None:
        """When the host first asked its model, in seconds after the host's start; None where it never did."""
        return self.turns[0].at if self.turns else None

    @property
    def waits(self) -> bool:
        """Whether the host lets its model find tools that it does not offer at once."""
        return any(tool.name in SEARCHES for turn in self.turns for tool in turn.offered)

    def ended_itself(self, start: Start) -> bool:
        """Whether a process of the server ended, or closed its output, without being told to.

        A host may signal the whole group, or what the recorder started, so that the server is gone before a signal is
        written down, and kill the recorder right after it. What ends as if it were told to, after the host's last word
        to its model, was told to; before that, a request without an answer shows that it was a crash.
        """
        if not start.ending or start.ending[0][1] not in OWN:
            return False
        if start.exit not in _AS_TOLD:
            return True
        if self.turns and start.spawned + start.ending[0][0] > self.turns[-1].at:
            return False
        told = any(what not in OWN for _, what in start.ending)
        waiting = any(one.answered is None and one.method != "subscriptions/listen" for one in start.exchanges)
        return waiting or (start.exit == 0 and not told)

    def shown(self, tool: str) -> Offered | None:
        """The server's tool as the model was offered it, in any turn."""
        if tool not in self._shown:
            found = (self._name_of(tool, turn.offered) for turn in self.turns)
            self._shown[tool] = next((one for one in found if one is not None), None)
        return self._shown[tool]

    @property
    def has_tools(self) -> bool:
        """Whether the model was offered any of the server's tools."""
        return any(self.shown(name) is not None for name in self.names)


# What was seen


def _as_asked(evidence: Evidence, returned: Returned, planned: Planned) -> Evidence:
    """A run without a model as if there had been one that was asked once: what the channel listed and gave back."""
    offers = tuple(Offered(name, None, "", None) for name in returned.tools)
    calls = [call for step in planned.script.steps for call in step]
    seen = tuple(replace(result, call=call_id(index)) for index, result in enumerate(returned.results))
    found = [(index, call, named(ENTRY)(call.tool, offers)) for index, call in enumerate(calls[: len(seen) + 1])]
    made = tuple(Made(call_id(index), tool, call.arguments) for index, call, tool in found if tool is not None)
    times = [start.spawned + one.answered for start in evidence.starts for one in start.exchanges if one.answered]
    at = max(times, default=evidence.seconds)
    turn = Turn(at, "", "", "", False, offers, seen, Answer(made), b"")
    return replace(evidence, turns=(turn,))


def _progress(start: Start) -> tuple[bool, bool, int, float]:
    """How far a process of the server came."""
    answered = sum(one.answered is not None for one in start.exchanges)
    return bool(start.calls), start.ready is not None, answered, -start.spawned


def _let_be(start: Start, evidence: Evidence) -> Start:
    """What a process of the server did by itself or for its host: not how it ended when the lab ended the host."""
    if evidence.exit is not None:
        return start
    ending = tuple((at, what) for at, what in start.ending if start.spawned + at < evidence.seconds - _LAST)
    return replace(start, ending=ending, exit=start.exit if "exit" in [what for _, what in ending] else None)


def _dealt(starts: Sequence[Start], evidence: Evidence, planned: Planned) -> Iterator[Dealt]:
    script = [call for step in planned.script.steps for call in step]
    arrived = [(start, one) for start in starts for one in start.calls]
    arrived.sort(key=lambda pair: pair[0].spawned + pair[1].asked)
    for index, call in enumerate(script):
        identity = call_id(index)
        made = next((one for turn in evidence.turns for one in turn.answered.calls if one.id == identity), None)
        seen = next((one for turn in evidence.turns for one in turn.seen if one.call == identity), None)
        alike = [at for at, other in enumerate(script) if other == call]
        mine = [pair for pair in arrived if _is_call(pair[1], call, script)]
        at, count = alike.index(index), len(alike)
        yield Dealt(call, made, tuple(mine[at * len(mine) // count : (at + 1) * len(mine) // count]), seen)


def _is_call(exchange: Exchange, call: Call, script: Sequence[Call]) -> bool:
    """Whether a call that arrived is this one of the script, and not another of the same tool."""
    if exchange.params.get("name") != call.tool:
        return False
    given = exchange.params.get("arguments") or {}
    return given == call.arguments or not any(other.tool == call.tool and other.arguments == given for other in script)


_AS_TOLD = (None, 0, 130, 143, "SIGINT", "SIGTERM", "SIGKILL", "SIGHUP")
"""How a server ends that is told to."""

OWN = ("closed", "exit")
"""What the server itself does in its ending."""


def over(start: Start) -> float | None:
    """When a server was told to end or ended, in seconds after its start; None where neither was seen."""
    return start.ending[0][0] if start.ending else None


def unanswered(start: Start, *methods: str) -> Exchange | None:
    """The first request of these methods that was never answered."""
    return next((one for one in start.exchanges if one.method in methods and one.answered is None), None)


# Words


def span(seconds: float) -> str:
    """A time in seconds, as it is told."""
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds:.2f} s"


def quoted(text: str) -> str:
    """Part of what a server or a host said, safe to print and short."""
    return f"“{for_report(text.strip())}”"


def code(name: str) -> str:
    """The name of a tool, safe to print and short."""
    shown = for_report(name)
    return f"`{shown}`" if len(shown) <= _LONG else f"`{shown[:_LONG]}…` ({len(name)} characters)"


def counted(number: int, what: str) -> str:
    """A number with what it counts."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def last_words(start: Start) -> str:
    """What a server wrote last to its standard error, as the end of a sentence; "" where nothing."""
    lines = [line for line in start.stderr.splitlines() if line.strip()]
    return f"; its last line on standard error: {quoted(lines[-1])}" if lines else ""


def ending_of(start: Start) -> str:
    """How a server came to its end, as far as it was seen."""
    if start.exit is None:
        return "ended"
    return f"ended with code {start.exit}" if isinstance(start.exit, int) else f"was ended by {start.exit}"


def error_of(exchange: Exchange) -> str:
    """A JSON-RPC error in short."""
    error = exchange.error or {}
    return f"{error.get('code')}: {error.get('message')}"


def sign(what: str) -> str:
    """What told a server to end, or what it did then, in words."""
    return {"eof": "the end of its input", "closed": "it closed its output"}.get(what, what)


def shows(one: Dealt) -> Iterator[str]:
    """What the model saw of a call, where it saw anything."""
    if one.seen is not None:
        yield f"its model saw of {code(one.call.tool)}: {quoted(one.seen.text)}"
