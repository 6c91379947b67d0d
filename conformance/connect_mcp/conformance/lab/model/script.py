"""What the lab's model is to do, and what it does with one request of a host.

Where the model is in its script follows from the request alone, whose history holds the calls that were made and their
results. So a request that is repeated, one for a title, or two at the same time confuse nothing. The ids
that it gives its calls say which call of the script each is; all eight hosts bring them back as they were.
"""

import re
from collections.abc import Callable, Mapping, Sequence

from connect_mcp.base.record import record
from connect_mcp.base.text import shortened

from ...session import Json

NOT_OFFERED = "The lab's model was offered no tool that is plainly {tool!r}, and made no call."
"""What it says of a tool that it cannot call: with `.format(tool=…)`, the server's own name of it."""

UNANSWERED = "The lab's model called {tool!r} {times} times, and was shown no result."
"""What it says where a host asks again and again as if the call had not been made; the tool's name is the host's."""

NO_CALL = "The lab's model had no call to make."
"""What it says where its script has none."""

DONE = "The lab's model made its calls. Their results:"
"""How its last text begins; the results follow, one after the other, each cut where it is long."""

ASIDE = "The lab's model"
"""What it says where it is asked for a title, a summary or anything else, and offered no tools."""

_CALL, _SEARCH = "lab_call_", "lab_search_"
_SEARCHES = 3  # in a row besides one for each call of a step: a server that is still starting may need more than one
_QUOTED = 500  # characters of one result in the last text: Gemini CLI takes more of one kind for a loop

SEARCHES: Mapping[str, Callable[[str], dict[str, Json]]] = {
    "tool_search": lambda query: {"query": query},
    "ToolSearch": lambda query: {"query": query, "max_results": 5},
    "WaitForMcpServers": lambda query: {},
}
"""The tools by which hosts let a model find a tool that they do not offer at once, and what those are called with.

Seen with Qwen Code 0.15.10 (`tool_search`) and Claude Code 2.1.197 (the other two).
"""


@record
class Call:
    """A call of a tool.

    Attributes:
        tool: the server's own name of it, or in an answer the host's.
        arguments: what it is called with.
    """

    tool: str
    arguments: Mapping[str, Json]


@record
class Offered:
    """A tool as a host shows it to the model.

    Attributes:
        name: how the model is to call it.
        namespace: the group that the name belongs to, where the host has groups (Codex).
        description: as given, empty where there is none.
        schema: that of its arguments, as given.
    """

    name: str
    namespace: str | None
    description: str
    schema: Json

    @property
    def full(self) -> str:
        """The name with its group, written as hosts without groups write it."""
        return f"{self.namespace}__{self.name}" if self.namespace else self.name


NameOf = Callable[[str, Sequence[Offered]], "Offered | None"]
"""Finds, by the server's own name of a tool, which of those offered it is; None where that cannot be told."""


@record
class Seen:
    """A tool's result as the model sees it.

    Attributes:
        call: the id of the call.
        text: its texts, one line after the other; an image or the like stands as its type in brackets.
        is_error: whether it is marked as a failure; None where the dialect has no mark.
    """

    call: str
    text: str
    is_error: bool | None


@record
class Asked:
    """What one request says, whatever the dialect.

    Attributes:
        model: the model's name.
        streamed: whether the answer is to come as events.
        offered: the tools.
        results: those of all calls in the history, in order.
    """

    model: str
    streamed: bool
    offered: tuple[Offered, ...]
    results: tuple[Seen, ...]


@record
class Made:
    """A call that the model makes.

    Attributes:
        id: says which call of the script it is.
        tool: the one that was offered.
        arguments: what it is called with.
    """

    id: str
    tool: Offered
    arguments: Mapping[str, Json]


@record
class Answer:
    """What the model did: it made calls, looked for a tool that was not offered, or said something.

    Attributes:
        calls: the calls, of the server's tools or of one that finds tools.
        text: what it said, where it made no call.
    """

    calls: tuple[Made, ...] = ()
    text: str = ""

    @property
    def searched(self) -> bool:
        """Whether it looked for a tool that was not offered."""
        return any(made.id.startswith(_SEARCH) for made in self.calls)


@record
class Turn:
    """One request of a host to the model, and what the model did.

    Attributes:
        at: when it came, in seconds of the monotonic clock.
        path: of the URL, without its query.
        dialect: the one that the host spoke.
        model: the name of the model that was asked.
        streamed: whether the answer came as events.
        offered: the tools.
        seen: the results of the script's calls that were in the history, in the order of the script.
        answered: what the model did.
        body: the beginning of the request's body.
    """

    at: float
    path: str
    dialect: str
    model: str
    streamed: bool
    offered: tuple[Offered, ...]
    seen: tuple[Seen, ...]
    answered: Answer
    body: bytes


@record
class Script:
    """What the model does.

    Attributes:
        steps: each is one turn, with the calls that are made together. After the last one the model says a text that
            holds the results.
    """

    steps: tuple[tuple[Call, ...], ...]

    def seen(self, asked: Asked) -> tuple[Seen, ...]:
        """The results of this script's calls, in its order: Claude Code gives those of one step as they came."""
        ours = [(place, result) for result in asked.results if (place := _place(result)) is not None]
        return tuple(result for _, result in sorted(ours, key=lambda pair: pair[0]))

    def answer(self, asked: Asked, name_of: NameOf) -> Answer:
        """What the model does with a request."""
        seen = self.seen(asked)
        calls = self._due({_place(result) for result in seen})
        if not calls:
            return Answer(text=final(seen))
        if not asked.offered:
            return Answer(text=ASIDE)
        return _made(calls, asked, name_of)

    def _due(self, done: "set[int | None]") -> list[tuple[int, Call]]:
        """What is left of the first step that has a call without a result, each with its place in the script."""
        place = 0
        for step in self.steps:
            places = range(place, place + len(step))
            due = [(at, call) for at, call in zip(places, step, strict=True) if at not in done]
            if due:
                return due
            place += len(step)
        return []


def final(seen: Sequence[Seen]) -> str:
    """The last text: what came of the calls."""
    if not seen:
        return NO_CALL
    return "\n".join([DONE, *(shortened(result.text, _QUOTED) for result in seen)])


def _made(calls: Sequence[tuple[int, Call]], asked: Asked, name_of: NameOf) -> Answer:
    """All calls of a step, or none: a search for the first tool that is missing, or a word of it."""
    made = []
    for place, call in calls:
        tool = name_of(call.tool, asked.offered)
        if tool is None:
            return _searched(call.tool, asked, len(calls) + _SEARCHES)
        made.append(Made(call_id(place), tool, call.arguments))
    return Answer(tuple(made))


def _searched(tool: str, asked: Asked, most: int) -> Answer:
    """A search, with another way of searching and other words each time, since one alone may find nothing."""
    ways = [offered for offered in asked.offered if offered.name in SEARCHES]
    if not ways or _in_a_row(asked.results) >= most:
        return Answer(text=NOT_OFFERED.format(tool=tool))
    before = sum(result.call.startswith(_SEARCH) for result in asked.results)
    way = ways[before % len(ways)]
    query = tool if before // len(ways) % 2 == 0 else _words(tool)
    return Answer((Made(f"{_SEARCH}{before}", way, SEARCHES[way.name](query)),))


def _words(tool: str) -> str:
    """The words of a name, each once: a host that looks for the name alone does not find one that it has cut."""
    return " ".join(dict.fromkeys(re.findall(r"[^\W_]+", tool)))


def _in_a_row(results: Sequence[Seen]) -> int:
    """How many searches there were since the last call."""
    count = 0
    for result in reversed(results):
        if not result.call.startswith(_SEARCH):
            break
        count += 1
    return count


def call_id(place: int) -> str:
    """The id of the script's call of that place, counted from 0."""
    return f"{_CALL}{place}"


def _place(result: Seen) -> int | None:
    """Which call of the script a result belongs to."""
    found = re.fullmatch(rf"{_CALL}(\d{{1,6}})", result.call)
    return int(found[1]) if found else None
