"""What real hosts do on the wire, as data: one file per host in `fixtures/profiles/`.

A profile holds what only the wire shows: what a host asks and in which order, how it answers, what it does with what a
server says, and how it ends. How long it waits at a start, which environment it gives and how it names tools is in the
installer's row of the same id. Each fact says how it is known; where it does not, the file's own `how` and `source` do.
A fact that is not known has no value: what stands in for it lets a visit go on, and lets no rule find anything.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from connect_mcp.base.errors import Misuse
from connect_mcp.base.fixtures import fixtures
from connect_mcp.base.record import record
from connect_mcp.installer.hosts.all_hosts import find
from connect_mcp.installer.hosts.model import Host

from .session import Json

Taken = Literal["taken", "loses the tools", "fails"]

UNKNOWN = "unknown"
"""How a fact is known that is none."""

_STAND_INS: Mapping[str, Any] = {
    "probes": False,
    "takes_any_revision": True,
    "first_id": 0,
    "call": {},
    "after_call": None,
    "follows_pages": True,
    "relists": True,
    "replies": {"ping": {"result": {}}, "*": {"error": {"code": -32601, "message": "Method not found"}}},
    "call_patience": None,
    "stdout": {"first": "taken", "later": "taken", "blank": "taken"},
    "name": {"kept": None, "with": "", "cut": None},
    "shutdown": [["eof", 0], ["SIGTERM", 10], ["SIGKILL", 20]],
    "leaves_orphan": False,
    "unapproved": UNKNOWN,
    "structured": UNKNOWN,
    "repeats_failed_calls": 0,
    "is_error": UNKNOWN,
    "rpc_error": UNKNOWN,
    "without": UNKNOWN,
}
"""What a visit does in place of a fact that is not known. What is missing here no profile may lack."""


@record
class Known:
    """How a fact is known.

    Attributes:
        how: `seen` with the real program, read in its `source` or `docs`, `derived` from something else that is known,
            only of `memory`, or `unknown`: then there is no fact.
        source: the program and version, or the document.
        note: what else is to be said.
        lab: what a run of the host lab shows of a fact that is told in words; None where no run has shown it.
    """

    how: str
    source: str
    note: str = ""
    lab: Json = None


@record
class Naming:
    """What becomes of a tool's name on its way to the model.

    Attributes:
        kept: the characters that stay, as in a character class; None where all do.
        instead: what stands in the place of every other one.
        cut: what is done with a name that is too long: its `end` or `middle` goes, or a `hash` takes the place of a
            part; None where nothing is.
        joint: what stands where the middle was.
        head: how many characters stay before it; None for as many as after it.
        punycode: whether a part between dots with characters beyond ASCII becomes `xn--` and its punycode.
    """

    kept: str | None
    instead: str
    cut: Literal["end", "middle", "hash"] | None
    joint: str = "..."
    head: int | None = None
    punycode: bool = False


@record
class Profile:
    """One host.

    Attributes:
        id: that of the installer's row.
        program: the program and the version that it was seen with.
        probes: whether its first request is `server/discover`.
        revision: the one that it asks for with `initialize`.
        takes_any_revision: whether it goes on where the server answers with a revision that there is not.
        client, capabilities: what it says of itself; `{server}` in a text is the server's name.
        first_id: the first of its ids, which are counted up.
        opening: the requests that it sends after the handshake, all at once; those of a feature that the server does
            not offer are left out.
        call: more members of the params of a call; `$id` is the request's id.
        after_call: the notification that it sends after a call, if it does.
        follows_pages: whether it asks for a second page of a list.
        relists: whether it asks for the tools again when they have changed.
        replies: what it answers to a server's request, by method, `*` for every other; null: never.
        call_patience: seconds that it waits for a call; None where no limit is known.
        stdout: what it does with a line that is no JSON before the first answer (`first`), before a later one
            (`later`), and with a blank line (`blank`).
        name: what becomes of a tool's name.
        shutdown: how it ends a server: what it does, and after how many seconds.
        leaves_orphan: whether a server is left running that does not end by itself.
        unapproved: what becomes of a call that nobody has approved: it is made (`run`), or where the tool is annotated
            as read-only, or `refused`, or the tool is `not offered` to the model at all.
        structured: where its model sees structuredContent.
        repeats_failed_calls: how many times in all it makes a call that is answered with a JSON-RPC error; 0 for once.
        is_error, rpc_error: what its model sees of a result with isError, and of a JSON-RPC error.
        without: what it does where the server cannot be used.
        known: how each of these is known.
    """

    id: str
    program: str
    probes: bool
    revision: str
    takes_any_revision: bool
    client: Mapping[str, Json]
    capabilities: Mapping[str, Json]
    first_id: int
    opening: Sequence[Mapping[str, Any]]
    call: Mapping[str, Json]
    after_call: Mapping[str, Any] | None
    follows_pages: bool
    relists: bool
    replies: Mapping[str, Mapping[str, Json] | None]
    call_patience: float | None
    stdout: Mapping[str, Taken]
    name: Naming
    shutdown: Sequence[tuple[str, float]]
    leaves_orphan: bool
    unapproved: Literal["run", "run where read-only", "refused", "not offered", "unknown"]
    structured: Literal["instead of the text", "beside the text", "dropped", "unknown"]
    repeats_failed_calls: int
    is_error: str
    rpc_error: str
    without: str
    known: Mapping[str, Known]

    @property
    def unknown(self) -> tuple[str, ...]:
        """The facts that are not known: of what they are about nothing can be said."""
        return tuple(name for name, known in self.known.items() if known.how == UNKNOWN)

    @property
    def host(self) -> Host:
        """The installer's row of this host."""
        return find(self.id)

    @property
    def title(self) -> str:
        """What it is called in a verdict: its name, and the version that it was seen with."""
        return f"{self.host.title} {self.program.rpartition(' ')[2]}"


def profile_ids() -> tuple[str, ...]:
    """The hosts that there is a profile of."""
    return tuple(sorted(path.stem for path in (fixtures() / "profiles").glob("*.json")))


def load(identity: str) -> Profile:
    """The profile of that id."""
    data = json.loads((fixtures() / "profiles" / f"{identity}.json").read_text(encoding="utf-8"))
    facts = data["facts"]
    known = {
        name: Known(
            fact.get("how", data["how"]), fact.get("source", data["source"]), fact.get("note", ""), fact.get("lab")
        )
        for name, fact in facts.items()
    }
    values = {name: _STAND_INS[name] if fact.get("how") == UNKNOWN else fact["is"] for name, fact in facts.items()}
    naming = values.pop("name")
    return Profile(
        id=data["id"],
        program=data["program"],
        name=_naming(naming),
        known=known,
        **values,
    )


def _naming(data: Mapping[str, Any]) -> Naming:
    more = {key: data[key] for key in ("joint", "head", "punycode") if key in data}
    return Naming(data["kept"], data["with"], data["cut"], **more)


def selected(names: Sequence[str]) -> list[Profile]:
    """The profiles of these hosts, by id or alias; `all` is every one.

    Raises:
        Misuse: for a host that is not known, or of which nothing is known on the wire.
    """
    there = profile_ids()
    if "all" in names:
        return [load(identity) for identity in there]
    chosen = list(dict.fromkeys(find(name).id for name in names))
    for identity in chosen:
        if identity not in there:
            raise Misuse(
                f"what {find(identity).title} does on the wire is not known",
                why=f"there are profiles of {', '.join(there)}",
                mend="--profile all",
            )
    return [load(identity) for identity in chosen]
