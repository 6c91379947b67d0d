"""Starting servers as their hosts would, several at a time, and what that shows."""

from collections.abc import Iterator, Sequence

from connect_mcp.base.errors import Refused
from connect_mcp.base.handshake import Ready
from connect_mcp.base.machine import Machine
from connect_mcp.base.masking import masked
from connect_mcp.base.record import record
from connect_mcp.base.text import printable

from ..verify import ask
from .model import Finding, Server
from .words import entry, named

AT_ONCE = 4
"""Servers that are started side by side: more would slow each other down and look slower than they are."""

ONLINE = ("npx", "uvx", "bunx", "pipx", "pnpx", "docker", "podman", "npm", "pnpm", "yarn", "deno", "bun", "uv")
"""Programs that fetch what they run, so that starting one may go online."""


@record
class Started:
    """One server that was started or called.

    Attributes:
        server: which.
        ready: what it said; None where it failed.
        failure: why it failed, or None.
    """

    server: Server
    ready: Ready | None
    failure: Refused | None


def can_start(server: Server, machine: Machine) -> bool:
    """Whether there is something to start or to call; why there is not, other checks say."""
    spec = server.started
    if spec is None or server.off:
        return False
    return spec.is_remote or (server.program is not None and machine.is_dir(spec.cwd))


def may_start(server: Server) -> str:
    """Why a server is not started unasked, for people; "" where it may be: what a person put into their own file.

    A project's file is somebody else's code, and a package runner fetches what it runs, also where a shell or another
    program is to start it.
    """
    spec = server.started
    assert spec is not None, "it can be started"
    if server.file.scope != "user":
        return "it stands in a project's file"
    if spec.is_remote:
        return "it is behind a URL"
    words = (spec.command, *(word for text in spec.args for word in text.split()))
    names = (word.replace("\\", "/").rpartition("/")[2].split(".")[0].lower() for word in words)
    runner = next((name for name in names if name in ONLINE), "")
    return f"{runner} may fetch it from the network" if runner else ""


def start(servers: Sequence[Server], machine: Machine) -> list[Started]:
    """Start each server as its host would, ask for its tools, and end it."""
    from concurrent.futures import ThreadPoolExecutor

    def one(server: Server) -> Started:
        assert server.started is not None
        try:
            return Started(server, ask(server.host, server.started, machine), None)
        except Refused as refusal:
            return Started(server, None, refusal)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(one, servers))


def judge(started: Started) -> Iterator[Finding]:
    """What is wrong with a server, as its host would see it."""
    for check in (
        _answers,
        _in_time,
        _says_only_messages,
        _ends,
        _has_tools,
        _all_are_read,
        _schemas_are_taken,
        _names_fit,
        _number_fits,
    ):
        yield from check(started)


def _answers(started: Started) -> Iterator[Finding]:
    """It starts, and answers as the protocol wants."""
    server, refusal = started.server, started.failure
    if refusal is not None:
        yield Finding(
            "start-failed",
            "error",
            f"{server.host.title} cannot use {named(server)}: {masked(printable(refusal.what))}",
            entry(server),
            "; ".join(masked(printable(line.strip())) for line in refusal.why.splitlines()).replace(":; ", ": "),
            masked(printable(refusal.mend)) or "look at what it said, and correct its arguments or variables",
        )


def _in_time(started: Started) -> Iterator[Finding]:
    """It is ready before its host goes on without it."""
    if started.ready is None:
        return
    server, seconds, patience = started.server, started.ready.seconds, started.server.host.patience
    shortest = min((wait for wait in (patience.interactive, patience.headless) if wait is not None), default=None)
    if shortest is None or seconds <= shortest:
        return
    always = patience.interactive is not None and seconds > patience.interactive
    mode = "" if always else " in a run without a person"
    yield Finding(
        "start-slow",
        "error" if always else "warning",
        f"{server.host.title} goes on without the tools of {named(server)}{mode}: ready after {seconds:.1f} s",
        entry(server),
        f"it waits {shortest:g} s",
        f"set {patience.setting}" if patience.setting else "make the server start faster",
    )


def _says_only_messages(started: Started) -> Iterator[Finding]:
    """Nothing but the protocol is on its standard output."""
    server, ready = started.server, started.ready
    if ready is None or not (ready.stray or ready.strays_late):
        return
    taken = server.host.limits.stray_output
    lost = taken == "never" or (taken == "before the first answer" and ready.strays_late)
    if not lost and not ready.stray:  # blank lines, which this host does not mind
        return
    yield Finding(
        "output-stray",
        "error" if lost else "warning",
        f"{named(server)} writes lines on its standard output that are no messages"
        + (f", and {server.host.title} loses its tools over one" if lost else ""),
        entry(server),
        "; ".join(ready.stray[:3]) or "blank lines between its messages",
        "have it write them to standard error",
    )


def _ends(started: Started) -> Iterator[Finding]:
    """It ends when its host closes its input."""
    server = started.server
    if started.ready is not None and started.ready.lingers:
        yield Finding(
            "exit-lingers",
            "warning",
            f"{named(server)} goes on when its host closes its input",
            entry(server),
            "it was still there after 2 s; hosts that send no signal then leave it running",
            "have it end when its standard input does",
        )


def _has_tools(started: Started) -> Iterator[Finding]:
    """It has tools."""
    if started.ready is not None and not started.ready.tools:
        yield Finding(
            "tools-none",
            "warning",
            f"{named(started.server)} starts and offers no tools",
            entry(started.server),
            "its tool list is empty, or it does not announce tools at all",
            "look at its own documentation: it may need arguments or variables to offer any",
        )


def _all_are_read(started: Started) -> Iterator[Finding]:
    """The host reads its whole tool list."""
    ready, server = started.ready, started.server
    if ready is not None and not server.host.limits.pages and ready.first_page < len(ready.tools):
        yield Finding(
            "tools-unread",
            "error",
            f"{server.host.title} sees {ready.first_page} of the {len(ready.tools)} tools of {named(server)}",
            entry(server),
            "it reads the first page of the list alone",
            "have the server list its tools on one page",
        )


def _schemas_are_taken(started: Started) -> Iterator[Finding]:
    """The host takes the schemas of its tools."""
    ready, server = started.ready, started.server
    if ready is not None and ready.choices and not server.host.limits.choices:
        yield Finding(
            "tool-schemas-dropped",
            "warning",
            f"{server.host.title} drops {len(ready.choices)} of the tools of {named(server)}",
            entry(server),
            f"{', '.join(ready.choices[:4])}: oneOf, anyOf or allOf stands at the top of the input schema",
            "have the server say the same inside a property, or with if, then and else",
        )


def _names_fit(started: Started) -> Iterator[Finding]:
    """The names of its tools are not too long with the host's prefix."""
    limits, server = started.server.host.limits, started.server
    if started.ready is None or limits.tool_name is None or not limits.prefix:
        return
    whole = [limits.named(server.name, started.ready.server_info, tool) for tool in started.ready.tools]
    long = [name for name in whole if len(name) > limits.tool_name]
    if long:
        yield Finding(
            "tool-names-long",
            "warning",
            f"{server.host.title} cuts or drops {len(long)} of the tools of {named(server)}: their names are too long",
            entry(server),
            f"{printable(max(long, key=len))} has {max(map(len, long))} characters, and it takes {limits.tool_name}",
            "give the entry a shorter name" if limits.titled is None else "have the server give it a shorter name",
        )


def _number_fits(started: Started) -> Iterator[Finding]:
    """Its tools are not more than the host takes."""
    limits, server = started.server.host.limits, started.server
    if started.ready is None or limits.tools is None or len(started.ready.tools) <= limits.tools:
        return
    yield Finding(
        "tools-many",
        "warning",
        f"{server.host.title} takes {limits.tools} tools, and {named(server)} alone has {len(started.ready.tools)}",
        entry(server),
        "the host leaves some out, or warns",
        "switch tools off in the host, or narrow what the server offers",
    )
