"""What is known about a host: one row, in which only what differs from the usual is said.

A row holds data, and functions for an odd shape or a choice between places. Everything that the tool does with a host
(find it, write its entry, read one back, say what will reach the server) goes through the methods of `Host`.

What a row is made of are named tuples: a frozen dataclass takes six times as long to define, at every start.
"""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from connect_mcp.base.errors import Misuse, Place, Refused
from connect_mcp.base.host_locks import HostLock
from connect_mcp.base.machine import Machine, Platform
from connect_mcp.base.record import field, record, replace
from connect_mcp.installer.editors.model import KeyPath, Put, Section, Value
from connect_mcp.installer.spec import Reference, ServerSpec, Template, Transport

from .syntax import NO_REFERENCES, Syntax, Unwritable

Scope = Literal["user", "project", "local"]
FormatName = Literal["jsonc", "yaml", "toml"]
QuirkKind = Literal["comment", "trailing-comma", "bom", "duplicate-key"]

COMMENTS_AND_COMMAS: frozenset[QuirkKind] = frozenset({"comment", "trailing-comma"})

Confidence = Literal["live", "source", "docs", "peer", "derived", "memory"]
"""How a fact is known: seen with the real program; read in its source or package; read in documentation or issues; read
in another installer's source; concluded from the other facts; not checked."""


class Evidence(NamedTuple):
    """How a fact is known.

    Attributes:
        confidence: how sure it is.
        source: the program and version, the document or the repository it was seen in.
    """

    confidence: Confidence
    source: str


_NOTHING: Mapping[Any, Any] = MappingProxyType({})


@record
class Location:
    """One file that a host reads its servers from, and what must be known to write it.

    Attributes:
        path: the file, absolute and native.
        section: where in it the servers are.
        format: the editor that it takes.
        rejects: what is legal in the format, but known to make the host ignore or reset the file.
        doubts: the same, where it is not known whether the host survives it.
        mode: the permission bits of a file that we make.
        top: keys that a new file starts with.
        lock: the lock that the host takes while it writes this file, where there is one that is known (`own_locks`).
        references: whether the host takes references in this file.
    """

    path: str
    section: Section
    format: FormatName
    rejects: frozenset[QuirkKind] = frozenset()
    doubts: frozenset[QuirkKind] = frozenset()
    mode: int = 0o644
    top: Mapping[str, Value] = field(default_factory=dict)
    lock: HostLock | None = None
    references: bool = True


Paths = Callable[[Machine, str], tuple[str | Location, ...]]
"""From the machine and the project's folder to files; a `Location` for one that is laid out in another way."""


class ConfigFile(NamedTuple):
    """How one scope of a host is laid out.

    Attributes:
        path: from the machine and the project's folder to the file; see `at`, `in_project` and `per_platform`.
        section: where the servers are; a function where that depends on the project.
        relocators: environment variables that move the file; they matter only where the host sees them as well.
        others: files beside `path` that the host reads servers from in this scope; an entry in `path` wins over theirs,
            or is used beside it. See `Host.others`.
        above: the same, where an entry in one of them wins over `path`, the strongest last. See `Host.above`.
        note: one sentence for people on what else must be true for the host to use this file, or "".
        replaces_links: whether the host, when it writes, puts a file of its own in the place of a link.

    The other attributes are those of `Location`.
    """

    path: Callable[[Machine, str], str]
    section: Section | Callable[[Machine, str], Section]
    format: FormatName
    relocators: tuple[str, ...] = ()
    others: Paths = lambda machine, project: ()
    above: Paths = lambda machine, project: ()
    rejects: frozenset[QuirkKind] = frozenset()
    doubts: frozenset[QuirkKind] = frozenset()
    mode: int = 0o644
    top: Mapping[str, Value] = _NOTHING
    note: str = ""
    lock: HostLock | None = None
    references: bool = True
    replaces_links: bool = False

    def locate(self, machine: Machine, project: str) -> Location:
        """The file on this machine, for this project's folder."""
        return self._location(machine, project, self.path(machine, project))

    def beside(self, machine: Machine, project: str, paths: Paths) -> tuple[Location, ...]:
        """Those of `others` or `above` that are there, without the file itself."""
        own = self.path(machine, project)
        places = (
            place if isinstance(place, Location) else self._location(machine, project, place)
            for place in paths(machine, project)
        )
        return tuple(place for place in places if machine.exists(place.path) and place.path != own)

    def _location(self, machine: Machine, project: str, path: str) -> Location:
        section = self.section if isinstance(self.section, Section) else self.section(machine, project)
        return Location(
            path, section, self.format, self.rejects, self.doubts, self.mode, self.top, self.lock, self.references
        )


class Detection(NamedTuple):
    """What shows that a host is installed; any one of them is enough.

    Attributes:
        commands: program names, looked up on PATH.
        paths: templates of files and folders for `Machine.path`, on every platform; `*` may stand for a part of a name.
        on: more of them for one platform.
    """

    commands: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    on: Mapping[Platform, tuple[str, ...]] = _NOTHING


class PassedOn(NamedTuple):
    """What of its own environment a host hands to the servers that it starts.

    Attributes:
        names: the only variables that it passes on; None for all of them.
        on_windows: the same on Windows, where `names` is not None.
        withheld: a regular expression for names that it holds back, or "".
        refuses: variables that an entry cannot set; it leaves them out.
        adds: what it sets by itself.
        from_dock: whether people start it from a dock or a menu, so that on macOS it has launchd's short PATH.
    """

    names: frozenset[str] | None = None
    on_windows: frozenset[str] = frozenset()
    withheld: str = ""
    refuses: frozenset[str] = frozenset()
    adds: Mapping[str, str] = _NOTHING
    from_dock: bool = False


SDK_NAMES = frozenset({"HOME", "LOGNAME", "PATH", "SHELL", "TERM", "USER"})
SDK_NAMES_ON_WINDOWS = frozenset(
    {
        "APPDATA",
        "HOMEDRIVE",
        "HOMEPATH",
        "LOCALAPPDATA",
        "PATH",
        "PROCESSOR_ARCHITECTURE",
        "PROGRAMFILES",
        "SYSTEMDRIVE",
        "SYSTEMROOT",
        "TEMP",
        "USERNAME",
        "USERPROFILE",
    }
)
"""What the TypeScript SDK's client passes on where its host says nothing else (its `getDefaultEnvironment`)."""


DOCK_PATH = "/usr/bin:/bin:/usr/sbin:/sbin"
"""The PATH that macOS gives to what is started from the Dock or the Finder (modelcontextprotocol/servers#64)."""


class Patience(NamedTuple):
    """How many seconds a host waits for a server's tools at a start, before it goes on without them.

    Attributes:
        interactive: in its usual mode; None where it is not known.
        headless: in a run without a person; None where it is not known or there is no such mode.
        setting: what makes it wait longer, or "".
    """

    interactive: float | None = None
    headless: float | None = None
    setting: str = ""


UNKNOWN = Patience()


class Wait(NamedTuple):
    """A key of an entry that says how long the host waits for a server.

    Attributes:
        key: the key.
        during: what it waits for: the server's start, or the answer to one call.
        unit: seconds that the number 1 stands for.
    """

    key: str
    during: Literal["start", "call"]
    unit: float


class NameRule(NamedTuple):
    """A server name that a host cannot use.

    Attributes:
        bad: whether a name breaks the rule.
        why: what the host does with such a name, as a sentence.
    """

    bad: Callable[[str], bool]
    why: str


class Limits(NamedTuple):
    """What a host takes of a server and its tools.

    Attributes:
        tool_name: characters that a tool's name may have with the host's prefix; None for no limit that is known.
        tools: how many tools it offers to its model; None for no limit that is known.
        prefix: how it names a tool, with `{server}` and `{tool}` in it; "" where that is not known.
        titled: how many characters it keeps of the title, else the name, that the server gives itself, where that and
            not the entry's name stands for `{server}`; None where it is the entry's.
        stray_output: until when it takes lines on a server's standard output that are no messages; it loses the
            server's tools over one that comes later.
        pages: whether it reads more than the first page of a tool list.
        choices: whether it takes tools whose input schema has oneOf, anyOf or allOf at its top.
    """

    tool_name: int | None = None
    tools: int | None = None
    prefix: str = ""
    titled: int | None = None
    stray_output: Literal["always", "before the first answer", "never"] = "always"
    pages: bool = True
    choices: bool = True

    def named(self, entry: str, info: Mapping[str, object], tool: str) -> str:
        """The name under which the host shows a tool, before it replaces or cuts anything.

        Args:
            entry: the name of the server's entry.
            info: the `serverInfo` that the server gives.
            tool: the tool's own name, which is the whole where the prefix is not known.
        """
        if not self.prefix:
            return tool
        if self.titled is not None:
            title = next(
                (said for key in ("title", "name") if (said := info.get(key)) and isinstance(said, str)), entry
            )
            entry = re.sub(r"[^a-z0-9_.-]+", "_", title.lower())[: self.titled]
        return self.prefix.format(server=entry, tool=tool)


Entry = Mapping[str, Value]


class Form(NamedTuple):
    """How a host writes one kind of server: one that it starts, or one that it reaches by a URL.

    Attributes:
        render: from a server to the entry, with every text in this host's spelling.
        read: from an entry back to the server; None where it is of the other kind, or not what this host wants.
        keys: keys of an entry that belong to this kind alone: they go when the other kind is written over them.
        types: what `type` may say in an entry of this kind; the first is what we write, if we write it.
        fields: what of a `ServerSpec` it can hold.
        transports: the ways to speak to a server that it can hold.
        again: keys that say over what `render` says, in another way: those that it does not write go.
        fresh: what a new entry starts with beside what `render` says; in one that is there the person's choice stays.
    """

    render: Callable[[ServerSpec], Entry]
    read: Callable[[Entry], ServerSpec | None]
    keys: tuple[str, ...]
    types: tuple[str, ...] = ()
    fields: frozenset[str] = frozenset()
    transports: frozenset[Transport] = frozenset()
    fresh: Mapping[str, Value] = _NOTHING
    again: tuple[str, ...] = ()


@record
class Host:
    """One AI host.

    Attributes:
        id: what it is called in commands and fixtures.
        title: what people call it.
        aliases: other names that commands accept.
        detection: what shows that it is installed.
        scopes: its config files.
        stdio: how it writes a server that it starts.
        remote: how it writes one that it reaches by a URL; None where its file has no form for that.
        syntax: how it writes references to variables, inputs and folders; None where its forms see to that themselves,
            since it is the key that says that a value is a reference.
        off: keys and values, any of which switches an entry off; the first is what we write.
        off_names: where it keeps a list of the names that are switched off; its section's `keyed_by` is `NAMES`.
        off_by_hand: one sentence for people: how they switch a server off, where neither of those is known.
        name_rules: server names to refuse.
        passed_on: the environment that its servers get.
        waits: the keys of an entry that say how long it waits.
        patience: how long it waits for a server at its start.
        limits: what it takes of a server's tools.
        protocol: the protocol revision it asks for, or None where that is not known.
        reload: one sentence for people: how it picks a change up.
        closed_first: patterns (`fnmatch`) of the paths of its running programs, where it must be closed before its file
            is written, since it would write its own state over ours; () where it need not be.
        precedence: which scope's entry wins where several have the same name, the winner first; () where each is used.
        entry_key: from a server's name to the key of its entry.
        name_in: a key in the entry that repeats the server's name, or "".
        companions: what else a server's entry needs in the same file (VS Code's `inputs`).
        shims: names of programs that are `.cmd` files on Windows (npx) and that it starts there by itself; ("*",) for
            all. Any other goes through `cmd /c`, which works in every host.
        before_create: a reason, with its mend, for not making a file that is not there yet; None where all is well.
        instead: what a person can do about a server that this host's file has no form for.
        evidence: how each of these facts is known, by attribute (`scopes.user` for a scope).
    """

    id: str
    title: str
    detection: Detection
    scopes: Mapping[Scope, ConfigFile]
    stdio: Form
    passed_on: PassedOn
    reload: str
    evidence: Mapping[str, Evidence]
    remote: Form | None = None
    aliases: tuple[str, ...] = ()
    syntax: Syntax | None = NO_REFERENCES
    off: tuple[tuple[str, Value], ...] = ()
    off_names: ConfigFile | None = None
    off_by_hand: str = ""
    waits: tuple[Wait, ...] = ()
    name_rules: tuple[NameRule, ...] = ()
    patience: Patience = UNKNOWN
    protocol: str | None = None
    limits: Limits = Limits()
    closed_first: tuple[str, ...] = ()
    precedence: tuple[Scope, ...] = ("local", "project", "user")
    entry_key: Callable[[str], str] = lambda name: name
    name_in: str = ""
    companions: Callable[[ServerSpec], tuple[Put, ...]] = lambda spec: ()
    shims: tuple[str, ...] = ()
    before_create: Callable[[Machine, Location], str | None] = lambda machine, location: None
    instead: str = "let a bridge speak to it: `-- npx -y mcp-remote URL`"

    def detect(self, machine: Machine) -> str | None:
        """What shows that the host is installed on this machine: a path; None where nothing does."""
        for command in self.detection.commands:
            if found := machine.which(command):
                return found
        for template in (*self.detection.paths, *self.detection.on.get(machine.platform, ())):
            found = next(iter(machine.glob(template)), None) if "*" in template else machine.path(template)
            if found and machine.exists(found):
                return found
        return None

    def locate(self, machine: Machine, scope: Scope = "user", project: str | None = None) -> Location:
        """The file to write for a scope.

        Args:
            machine: where.
            scope: whose servers.
            project: the project's folder, for project and local scope; the working folder where it is not given.

        Raises:
            Misuse: where this host has no such scope.
        """
        if scope not in self.scopes:
            raise Misuse(f"{self.title} has no {scope} scope", mend=f"use --scope {' or '.join(self.scopes)}")
        return self.scopes[scope].locate(machine, machine.join(machine.cwd, project or ""))

    def others(self, machine: Machine, scope: Scope, project: str | None = None) -> tuple[Location, ...]:
        """The files that are there beside a scope's own, and that an entry in it wins over or stands beside."""
        file = self.scopes[scope]
        return file.beside(machine, machine.join(machine.cwd, project or ""), file.others)

    def above(self, machine: Machine, scope: Scope, project: str | None = None) -> tuple[Location, ...]:
        """The files that are there and whose entries win over those in a scope's own, the strongest last."""
        file = self.scopes[scope]
        return file.beside(machine, machine.join(machine.cwd, project or ""), file.above)

    def relocated_by(self, machine: Machine, scope: Scope) -> tuple[str, ...]:
        """The environment variables that are set and move this scope's file."""
        return tuple(name for name in self.scopes[scope].relocators if machine.variable(name))

    def changes(self, location: Location, name: str, spec: ServerSpec, existing: Value = None) -> tuple[Put, ...]:
        """What makes this host reach `spec` under `name`: its entry, and what the entry needs beside it.

        Args:
            location: the file it goes to.
            name: the server's name; see `refuse_name`.
            spec: the server.
            existing: the entry of that name that is there now, if any.

        Raises:
            Refused: where this host has no form for such a server, or for a reference in it.
        """
        if spec.references and not location.references:
            raise Refused(
                f"{self.title} takes no reference in this file, and one is {spec.references[0]}",
                place=Place(location.path),
                mend="write the value itself, or use --scope user",
            )
        entry = self.render(spec)
        if self.name_in:
            entry = {self.name_in: name, **entry}
        if isinstance(existing, Mapping):
            drop = self._contradicting(existing, entry, self.form(spec))
        else:
            entry, drop = {**entry, **self.form(spec).fresh}, frozenset()
        put = Put(location.section, self.entry_key(name), entry, drop, location.top)
        return (put, *self.companions(spec))

    def render(self, spec: ServerSpec) -> Entry:
        """The entry for a server, in this host's own spelling; what it cannot hold (`unheld`) is left out.

        Raises:
            Refused: where this host has no form for such a server, or for a reference in it.
        """
        form = self.form(spec)
        if "cwd" in self.unheld(spec):
            spec = replace(spec, cwd="")
        try:
            return form.render(spec.mapped(self.syntax.written) if self.syntax else spec)
        except Unwritable as fault:
            raise Refused(
                f"{self.title} has no form for {fault.reference} in a server's {fault.field}",
                mend="write the value itself, or leave it out",
            ) from None

    def unheld(self, spec: ServerSpec) -> tuple[str, ...]:
        """What of a server this host's entry cannot hold, as names of `ServerSpec`'s fields.

        Raises:
            Refused: where this host has no form for such a server.
        """
        return ("cwd",) if spec.cwd and "cwd" not in self.form(spec).fields else ()

    def read(self, entry: Value) -> ServerSpec | None:
        """The server that an entry means; None where it is not what this host wants."""
        if not isinstance(entry, Mapping):
            return None
        forms = (self.stdio, self.remote) if self.remote else (self.stdio,)
        spec = next((spec for form in forms if (spec := form.read(entry))), None)
        return spec.mapped(self.syntax.understood) if spec and self.syntax else spec

    def form(self, spec: ServerSpec) -> Form:
        """The form for a server.

        Raises:
            Refused: where there is none.
        """
        form = self.remote if spec.is_remote else self.stdio
        if form is None or spec.transport not in form.transports:
            known = sorted({*self.stdio.transports, *(self.remote.transports if self.remote else ())})
            raise Refused(
                f"{self.title}'s file has no form for a server over {_SPOKEN[spec.transport]}",
                why=f"it takes {' and '.join(_SPOKEN[transport] for transport in known)}",
                mend=self.instead,
            )
        return form

    def is_off(self, entry: Value) -> bool:
        """Whether the entry is switched off in the file."""
        return isinstance(entry, Mapping) and any(key in entry and entry[key] is value for key, value in self.off)

    def refuse_name(self, name: str) -> str | None:
        """Why this host cannot have a server of that name, as a sentence; None where it can."""
        if not name.strip() or any(not character.isprintable() for character in name):
            return "A server's name is at least one visible character, and has no control characters."
        return next((rule.why for rule in self.name_rules if rule.bad(name)), None)

    def server_env(self, machine: Machine, entry_env: Mapping[str, str]) -> dict[str, str]:
        """The environment that a server gets from this host, when the host has this machine's environment.

        Args:
            machine: whose environment the host was started with.
            entry_env: what the server's entry sets; variables of the host's own environment are put in, and what
                cannot be known here (an input, a file) is left out.

        Returns:
            The variables; in upper case on Windows, which does not tell the cases apart.
        """
        passed, windows = self.passed_on, machine.platform == "windows"
        entry_env = {key: text for key, text in entry_env.items() if key.upper() not in passed.refuses}
        entry_env = self.filled(machine, entry_env)
        env, entry_env = (_upper(machine.env), _upper(entry_env)) if windows else (dict(machine.env), entry_env)
        if passed.names is not None:
            names = passed.on_windows if windows else passed.names
            env = {key: value for key, value in env.items() if key in names}
        if passed.withheld:
            import re  # only a few hosts hold names back

            env = {key: value for key, value in env.items() if not re.search(passed.withheld, key, re.IGNORECASE)}
        if passed.from_dock and machine.platform == "macos":
            env["PATH"] = DOCK_PATH
        return {**env, **passed.adds, **entry_env}

    def put_in(self, machine: Machine, spec: ServerSpec, project: str) -> ServerSpec | None:
        """A server as this host starts or calls it, with what its command, folder and URL refer to put in.

        Args:
            machine: whose environment the host was started with.
            spec: the server, as this host understands it.
            project: the folder that is open in the host, absolute: also where it starts a server that names no folder.

        Returns:
            The server; None where it refers to what is not known here (an input, a file, a variable that is not set).
        """
        near = {
            "workspace": project,
            "workspace-name": machine.join(project).replace("\\", "/").rpartition("/")[2],
            "separator": "\\" if machine.platform == "windows" else "/",
        }
        unknown = []

        def put(field: str, text: str) -> str:
            if not isinstance(text, Template) or field in ("env", "headers"):  # `server_env` and `filled` see to those
                return text
            value = text.filled(lambda reference: near.get(reference.kind) or self._value(machine, reference))
            unknown.extend([text] if value is None else [])
            return value or ""

        known = spec.mapped(put)
        folder = machine.path(known.cwd) if known.cwd.startswith("~/") else known.cwd
        return None if unknown else replace(known, cwd=machine.join(project, folder))

    def filled(self, machine: Machine, texts: Mapping[str, str]) -> dict[str, str]:
        """An entry's variables or headers with the values of what they refer to in the host's own environment."""
        known = {}
        for key, text in texts.items():
            value: str | None = text
            if isinstance(text, Template):
                value = text.filled(lambda reference: self._value(machine, reference))
            if value is not None:
                known[key] = value
        return known

    def _value(self, machine: Machine, reference: Reference) -> str | None:
        if reference.kind == "home":
            return machine.home
        if reference.kind not in ("env", "secret"):
            return None
        value = machine.variable(reference.name)
        if value is None:
            value = reference.default
        if value is None and self.syntax and self.syntax.missing == "empty":
            return ""
        if value is None and self.syntax and self.syntax.missing == "literal" and reference.kind in self.syntax.forms:
            return self.syntax.written("env", Template(reference))
        return value

    def _contradicting(self, existing: Entry, entry: Entry, form: Form) -> frozenset[KeyPath]:
        """The keys of an entry that no longer make sense once it means a server with no more than `entry` says."""
        other = self.stdio if form is self.remote else self.remote
        keys = (*(other.keys if other else ("url", "headers")), *form.again, *_EMPTIED)
        gone = {key for key in keys if key in existing and key not in entry}
        if "type" not in entry and "type" in existing and existing["type"] not in form.types:
            gone.add("type")
        return frozenset((key,) for key in gone)


_SPOKEN: Mapping[Transport, str] = {"stdio": "stdio", "http": "HTTP", "sse": "SSE"}


def _upper(env: Mapping[str, str]) -> dict[str, str]:
    return {key.upper(): value for key, value in env.items()}


_EMPTIED = ("args",)
"""Keys that `render` leaves out when there is nothing to say: what an older entry says there is no longer true."""


def at(template: str) -> Callable[[Machine, str], str]:
    """The same template (see `Machine.path`) on every platform."""
    return lambda machine, project: machine.path(template)


def in_project(relative: str) -> Callable[[Machine, str], str]:
    """A file in the project's folder."""
    return lambda machine, project: machine.join(project, relative)


def per_platform(*, linux: str, macos: str, windows: str) -> Callable[[Machine, str], str]:
    """A template (see `Machine.path`) for each platform."""
    templates = {"linux": linux, "macos": macos, "windows": windows}
    return lambda machine, project: machine.path(templates[machine.platform])


def plain(spec: ServerSpec) -> dict[str, Value]:
    """The usual entry: `command`, and `args`, `env` and `cwd` where there are any."""
    entry: dict[str, Value] = {"command": spec.command}
    if spec.args:
        entry["args"] = list(spec.args)
    if spec.env:
        entry["env"] = dict(spec.env)
    if spec.cwd:
        entry["cwd"] = spec.cwd
    return entry


def typed(spec: ServerSpec) -> dict[str, Value]:
    """The usual entry with `"type": "stdio"` in front."""
    return {"type": "stdio", **plain(spec)}


def read_plain(entry: Entry) -> ServerSpec | None:
    """The server of a usual entry, with or without its type; None for a remote one and for one of the wrong shape."""
    command, cwd = entry.get("command"), entry.get("cwd") or ""
    if entry.get("type", "stdio") != "stdio" or ("url" in entry and "type" not in entry):
        return None
    args, env = strings(entry.get("args")), variables(entry.get("env"))
    if not isinstance(command, str) or not command or args is None or env is None:
        return None
    return ServerSpec(command, args, env, cwd if isinstance(cwd, str) else "")


_LOCAL = frozenset({"command", "args", "env"})


def started(
    render: Callable[[ServerSpec], Entry] = plain,
    read: Callable[[Entry], ServerSpec | None] = read_plain,
    *,
    cwd: bool,
    types: tuple[str, ...] = ("stdio",),
    keys: tuple[str, ...] = ("command", "args", "env", "cwd"),
    fresh: Mapping[str, Value] = _NOTHING,
    again: tuple[str, ...] = (),
) -> Form:
    """The form of a server that the host starts.

    Args:
        render: as in `Form`.
        read: as in `Form`.
        cwd: whether the host starts it in the folder that its entry names.
        types: as in `Form`.
        keys: as in `Form`.
        fresh: as in `Form`.
        again: as in `Form`.
    """
    fields = _LOCAL | {"cwd"} if cwd else _LOCAL
    return Form(render, read, keys, types, fields, frozenset({"stdio"}), fresh, again)


def reached(
    types: Mapping[Transport, str],
    *,
    url: str = "url",
    headers: str = "headers",
    known: Mapping[str, Transport] = _NOTHING,
    untyped: Transport | None = None,
    keys: tuple[str, ...] = (),
    fresh: Mapping[str, Value] = _NOTHING,
    again: tuple[str, ...] = (),
) -> Form:
    """The usual form of a server that is reached by a URL: its URL, its headers and what `type` says of its transport.

    Args:
        types: what to write as `type` for each transport; "" for no `type` at all.
        url: the URL's key.
        headers: the headers' key; "" where there is none.
        known: what else `type` may say for one.
        untyped: what an entry without `type` means; None where it means nothing.
        keys: further keys that belong to a remote server alone.
        fresh: as in `Form`.
        again: as in `Form`; they belong to `keys` as well.
    """
    spoken = {**{said: transport for transport, said in reversed(list(types.items())) if said}, **known}
    first = next(iter(types))
    implied = untyped or (first if not types[first] else None)

    def render(spec: ServerSpec) -> Entry:
        entry: dict[str, Value] = {"type": types[spec.transport]} if types[spec.transport] else {}
        entry[url] = spec.url
        if spec.headers and headers:
            entry[headers] = dict(spec.headers)
        return entry

    def read(entry: Entry) -> ServerSpec | None:
        said, address, sent = entry.get("type"), entry.get(url), variables(entry.get(headers))
        transport = implied if said is None else spoken.get(said) if isinstance(said, str) else None
        if transport is None or not isinstance(address, str) or not address or sent is None:
            return None
        return ServerSpec(url=address, transport=transport, headers=sent)

    fields = frozenset({"url", *(["headers"] if headers else [])})
    own = tuple(filter(None, (url, headers, *again, *keys)))
    return Form(render, read, own, tuple(spoken), fields, frozenset(types), fresh, again)


def strings(value: Value) -> tuple[str, ...] | None:
    """A list of strings; nothing there counts as an empty one, and None is returned for anything else."""
    if value is None:
        return ()
    if not isinstance(value, (list, tuple)) or not all(isinstance(item, str) for item in value):
        return None
    return tuple(item for item in value if isinstance(item, str))


def variables(value: Value) -> dict[str, str] | None:
    """A map of strings; nothing there counts as an empty one, and None is returned for anything else."""
    if value is None:
        return {}
    if not isinstance(value, Mapping) or not all(isinstance(item, str) for item in value.values()):
        return None
    return {key: item for key, item in value.items() if isinstance(item, str)}
