"""A server as the MCP registry describes it (`server.json`): its packages and remotes, and what they ask for.

The format is that of the registry's schema of 2025-12-11 (github.com/modelcontextprotocol/registry,
docs/reference/server-json). What stands in a manifest is somebody else's words: only known runners are used, the
name of a package must be one, and everything is checked before it becomes an argument.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NoReturn

from connect_mcp.base.errors import Misuse, Place, Refused
from connect_mcp.base.machine import Machine
from connect_mcp.base.masking import looks_secret, masked
from connect_mcp.base.record import field, record
from connect_mcp.base.secrets import is_variable
from connect_mcp.base.text import printable, shortened

from .editors.engine import position
from .editors.formats import format_named
from .editors.model import Fault, Node
from .spec import ServerSpec, Transport

Kind = Literal["pypi", "npm", "oci", "remote"]
KINDS: tuple[Kind, ...] = ("pypi", "npm", "oci", "remote")

_RUNNERS: Mapping[str, tuple[str, ...]] = {
    "pypi": ("uvx", "pipx"),
    "npm": ("npx", "bunx"),
    "oci": ("docker", "podman"),
}
"""The programs that can run each kind of package, the usual one first."""
_ELSEWHERE = {
    "nuget": "install it with `dotnet tool install`, and name its program after --",
    "mcpb": "open the bundle in the host itself: Claude Desktop installs those",
    "cargo": "install it with `cargo install`, and name its program after --",
}
_NAMES = {
    "pypi": re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"),
    "npm": re.compile(r"(?:@[a-z0-9~][a-z0-9._~-]*/)?[a-z0-9~][A-Za-z0-9._~-]*"),
    "oci": re.compile(
        r"[a-z0-9][a-z0-9.-]*(?::[0-9]+)?(?:/[a-z0-9._-]+)*(?::[A-Za-z0-9_][A-Za-z0-9._-]*)?(?:@sha256:[0-9a-f]{64})?"
    ),
}
_VERSION = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+!_-]*")
_HEADER = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_INDEXES = {
    "pypi": ("https://pypi.org",),
    "npm": ("https://registry.npmjs.org",),
}
"""What the format lets `registryBaseUrl` say of these kinds: the public index alone (modelcontextprotocol/registry)."""
_LOADERS = frozenset(
    {
        "BASH_ENV",
        "ENV",
        "JAVA_TOOL_OPTIONS",
        "NODE_OPTIONS",
        "NODE_PATH",
        "PATH",
        "PERL5OPT",
        "PYTHONHOME",
        "PYTHONPATH",
    }
    | {"PYTHONSTARTUP", "RUBYOPT"}
)
_TRANSPORTS: Mapping[str, Transport] = {"streamable-http": "http", "sse": "sse"}
_PLACEHOLDER = re.compile(r"\{([A-Za-z_][A-Za-z0-9_.-]*)\}")

Ask = Callable[["Wanted"], str]
"""Asks a person for a value; "" where none is given."""


@record
class Wanted:
    """A value that a manifest asks for.

    Attributes:
        name: what `--var` calls it.
        about: what the manifest says of it, safe to print.
        secret: whether it must not be shown.
        choices: the values of which it must be one; () for any.
        default: what is taken where none is given.
    """

    name: str
    about: str
    secret: bool
    choices: tuple[str, ...] = ()
    default: str | None = None


@record
class Resolved:
    """What a manifest comes to.

    Attributes:
        name: the last part of the server's name.
        title: its whole name and version, and what it says of itself; safe to print.
        spec: the server.
        kind: the kind of package, or "remote".
        secrets: the values in it that must not be shown.
        warnings: sentences for people.
    """

    name: str
    title: str
    spec: ServerSpec
    kind: Kind
    secrets: frozenset[str] = field(repr=False)
    warnings: tuple[str, ...] = ()


class Values:
    """The values for what a manifest asks for, from `--var` and from a person.

    Args:
        given: `--var` options by name; an option that may be repeated has several.
        elsewhere: names whose values the server gets in another way, so that they need not be given; those of headers
            in lower case.
        ask: asks a person; None where nobody is there.
        machine: resolves paths.
    """

    def __init__(
        self, given: Mapping[str, Sequence[str]], elsewhere: frozenset[str], ask: Ask | None, machine: Machine
    ) -> None:
        self._given = given
        self.elsewhere = elsewhere
        self._ask = ask
        self._machine = machine
        self._asked: dict[str, str] = {}
        self.known: dict[str, Wanted] = {}
        self.missing: dict[str, Wanted] = {}
        self.secrets: set[str] = set()

    def of(self, element: "Element", name: str, *, repeated: bool = False) -> list[str]:
        """The values for one input; none where it is optional and nothing was said.

        Raises:
            Misuse: for a value that is none of its choices or not of its form.
        """
        fixed = element.text("value")
        if fixed is not None:
            text = self.filled(element, fixed, required=element.flag("isRequired"))
            values = [] if text is None else [text]
            known = element.flag("isSecret")
        else:
            wanted = _wanted(element, name)
            self.known[name] = wanted
            values, known = self._chosen(element, wanted, repeated=repeated), wanted.secret
        if known:
            self.secrets.update(value for value in values if value)
        return values

    def _chosen(self, element: "Element", wanted: Wanted, *, repeated: bool) -> list[str]:
        given = list(self._given.get(wanted.name, ()))
        if len(given) > 1 and not repeated:
            raise Misuse(f"--var {printable(wanted.name)} is given twice, and the manifest takes it once")
        required = element.flag("isRequired")
        if not given and wanted.name in self.elsewhere:
            return []
        if not given and required and self._ask is not None:
            if wanted.name not in self._asked:
                self._asked[wanted.name] = self._ask(wanted)
            given = [self._asked[wanted.name]] if self._asked[wanted.name] else []
        if not given and wanted.default is not None:
            given = [wanted.default]
        if not given and required:
            self.missing[wanted.name] = wanted
        return [self._checked(element, wanted, value) for value in given]

    def _checked(self, element: "Element", wanted: Wanted, value: str) -> str:
        name = printable(wanted.name)
        if wanted.choices and value not in wanted.choices:
            raise Misuse(f"--var {name} must be one of {', '.join(map(printable, wanted.choices))}")
        form = element.text("format") or "string"
        if form == "boolean" and value not in ("true", "false"):
            raise Misuse(f"--var {name} must be true or false")
        if form == "number" and not re.fullmatch(r"[+-]?\d+(\.\d+)?", value):
            raise Misuse(f"--var {name} must be a number")
        if form == "filepath" and value:
            return self._machine.path(value)
        return value

    def filled(self, element: "Element", text: str, *, required: bool) -> str | None:
        """The text with its `{variables}` put in; braces around anything else stay.

        Returns:
            None where a variable has no value, which is missing then if the text is required.
        """
        variables = dict(element.members("variables"))
        values = {}
        for name in dict.fromkeys(_PLACEHOLDER.findall(text)):
            if name not in variables:
                continue
            found = self.of(variables[name], name)
            if not found:
                if required and name in self.known and name not in self.missing:
                    self.missing[name] = self.known[name]
                return None
            values[name] = found[0]
        return _PLACEHOLDER.sub(lambda match: values.get(match[1], match[0]), text)

    def check(self) -> None:
        """See that nothing is missing, and nothing was given that is not asked for.

        Raises:
            Misuse: for either.
        """
        if self.missing:
            raise _missing(self.missing)
        for name in self._given:
            if name not in self.known:
                asked = ", ".join(map(printable, self.known)) or "nothing"
                raise Misuse(f"the manifest asks for no {printable(name)}", why=f"it asks for {asked}")


class Element:
    """A value in a manifest that knows where it stands."""

    def __init__(self, source: str, text: str, node: Node, where: str) -> None:
        self._source = source
        self._text = text
        self._node = node
        self.where = where

    def refuse(self, what: str, why: str = "", mend: str = "", *, at: str = "") -> NoReturn:
        """Say what is wrong with this value, or with its member `at`, and where that stands.

        Raises:
            Refused: always.
        """
        if member := self.get(at) if at else None:
            member.refuse(what, why, mend)
        line, column = position(self._text, self._node.start)
        raise Refused(
            f"{self.where or 'the manifest'}: {what}", place=Place(self._source, line, column), why=why, mend=mend
        )

    def get(self, key: str) -> "Element | None":
        """A member; None where there is none, or `null`."""
        if self._node.kind != "map":
            self.refuse("this must be an object in braces")
        found = None
        for member in self._node.members():
            if member.key == key:
                found = member.node
        if found is None or (found.kind in ("null", "scalar") and found.value() is None):
            return None
        return Element(self._source, self._text, found, f"{self.where}.{key}" if self.where else key)

    def text(self, key: str) -> str | None:
        """A member that is a text without control characters; None where there is none."""
        found = self.get(key)
        if found is None:
            return None
        value = found._node.value() if found._node.kind == "scalar" else None
        if isinstance(value, (int, float)) and not isinstance(value, bool) and key in ("value", "default"):
            value = str(value)
        if isinstance(value, bool) and key in ("value", "default"):
            value = str(value).lower()
        if not isinstance(value, str):
            found.refuse("this must be a text in quotes")
        if key not in ("description", "placeholder") and any(char < " " or char == "\x7f" for char in value):
            found.refuse("this text holds a control character")
        return value

    def required(self, key: str) -> str:
        """A member that must be there, and a text that is not empty."""
        value = self.text(key)
        if value is None:
            snake = re.sub("[A-Z]", lambda sign: f"_{sign[0].lower()}", key)
            older = snake != key and self.get(snake) is not None
            why = f"{snake} is how this was spelled before September 2025" if older else ""
            self.refuse(f"{key} is missing", why=why)
        if not value.strip():
            self.refuse("this is empty", at=key)
        return value

    def flag(self, key: str) -> bool:
        """A member that is true or false; false where there is none."""
        found = self.get(key)
        if found is None:
            return False
        value = found._node.value() if found._node.kind == "scalar" else None
        if not isinstance(value, bool):
            found.refuse("this must be true or false")
        return value

    def items(self, key: str) -> "list[Element]":
        """The items of a member that is a list; none where there is none."""
        found = self.get(key)
        if found is None:
            return []
        if found._node.kind != "list":
            found.refuse("this must be a list in brackets")
        return [
            Element(self._source, self._text, node, f"{found.where}[{index}]")
            for index, node in enumerate(found._node.items())
        ]

    def texts(self, key: str) -> tuple[str, ...]:
        """A member that is a list of texts."""
        found = []
        for item in self.items(key):
            value = item._node.value() if item._node.kind == "scalar" else None
            if not isinstance(value, str):
                item.refuse("this must be a text in quotes")
            found.append(value)
        return tuple(found)

    def members(self, key: str) -> "list[tuple[str, Element]]":
        """The members of a member that is an object; none where there is none."""
        found = self.get(key)
        if found is None:
            return []
        if found._node.kind != "map":
            found.refuse("this must be an object in braces")
        return [
            (member.key, Element(self._source, self._text, member.node, f"{found.where}.{member.key}"))
            for member in found._node.members()
        ]


def parsed(text: str, source: str) -> Element:
    """The manifest in a text; what a registry answers, with the manifest under `server`, is taken as well.

    Raises:
        Refused: where it is no JSON, with line and column.
    """
    fmt = format_named("jsonc")
    try:
        fmt.load(text)
        root = Element(source, text, fmt.parse(text), "")
    except Fault as fault:
        raise Refused(fault.what, place=Place(source, *position(text, fault.offset)), mend=fault.mend) from None
    inner = root.get("server")
    return inner if inner is not None and root.get("name") is None else root


def resolved(manifest: Element, values: Values, machine: Machine, wanted: Kind | None = None) -> Resolved:
    """The server that a manifest describes, with its values put in.

    Args:
        manifest: from `parsed`.
        values: what is put in.
        machine: where the runners are looked for.
        wanted: the kind of package to take; None for the first that this machine can run, else a remote.

    Raises:
        Refused: where something in the manifest is wrong, or nothing in it can be used.
        Misuse: for values that are missing, wrong or not asked for.
    """
    full = manifest.required("name")
    name = full.rpartition("/")[2]
    if not name:
        manifest.refuse("this must end with the server's own name after its last slash", at="name")
    warnings: list[str] = []
    kind, chosen = _choice(manifest, machine, wanted)
    spec = _remote(chosen, values) if kind == "remote" else _package(chosen, kind, values, machine, warnings)
    values.check()
    version, about = manifest.text("version") or "", manifest.text("description") or ""
    title = printable(" ".join(filter(None, (full, version)))) + (
        f": {printable(shortened(about, 200))}" if about else ""
    )
    return Resolved(name, title, spec, kind, frozenset(values.secrets), tuple(warnings))


def _choice(manifest: Element, machine: Machine, wanted: Kind | None) -> tuple[Kind, Element]:
    """The package or remote to take.

    Raises:
        Refused: where none can be used; it says why for each.
    """
    usable: list[tuple[Kind, Element]] = []
    other: list[str] = []
    for package in manifest.items("packages"):
        kind = package.required("registryType")
        transport = package.get("transport")
        spoken = transport.text("type") if transport else "stdio"
        if kind not in _RUNNERS:
            other.append(_ELSEWHERE.get(kind, f"{printable(kind)} packages are not known here"))
        elif spoken != "stdio":
            other.append(f"the {kind} package serves {printable(spoken or '')} by itself: start it, and use --url")
        else:
            usable.append((kind, package))  # type: ignore[arg-type]
    remotes = sorted(manifest.items("remotes"), key=lambda remote: remote.text("type") != "streamable-http")
    usable += [("remote", remote) for remote in remotes]
    offered = [(kind, element) for kind, element in usable if wanted in (None, kind)]
    if not offered:
        has = " and ".join(dict.fromkeys(kind for kind, _ in usable))
        if usable:
            manifest.refuse(
                f"there is no {wanted} package in it", mend=f"it has {has}: leave --package out, or name that"
            )
        site = manifest.text("websiteUrl")
        manifest.refuse(
            "there is no package in it that can be used here, and no remote",
            why="; ".join(other),
            mend=f"see {printable(site)}" if site else "",
        )
    for kind, element in offered:
        if kind == "remote" or any(machine.which(runner) for runner in _RUNNERS[kind]):
            return kind, element
    return offered[0]


def _remote(remote: Element, values: Values) -> ServerSpec:
    said = remote.required("type")
    transport = _TRANSPORTS.get(said)
    if transport is None:
        remote.refuse(f"{printable(said)} is not known", why=f"known are {' and '.join(_TRANSPORTS)}", at="type")
    url = values.filled(remote, remote.required("url"), required=True) or ""
    if left := _PLACEHOLDER.search(url):
        remote.refuse(f"nothing says what {printable(left[0])} stands for", at="url")
    headers = {}
    for header in remote.items("headers"):
        name = header.required("name")
        if not _HEADER.fullmatch(name):
            header.refuse("this is no name that a header can have", at="name")
        if name.lower() in values.elsewhere:
            continue
        for value in values.of(header, name):
            headers[name] = value
            if looks_secret(name):
                values.secrets.add(value)
    return ServerSpec(url=url, transport=transport, headers=headers)


def _package(package: Element, kind: str, values: Values, machine: Machine, warnings: list[str]) -> ServerSpec:
    identifier, version = _identifier(package, kind), package.text("version")
    if version is not None and (not _VERSION.fullmatch(version) or version == "latest"):
        package.refuse("this must be one version, and not a range or a tag that moves", at="version")
    if package.text("fileSha256") is not None:
        warnings.append("the package's hash in the manifest is not checked: the runner fetches it by itself")
    runner = _runner(package, kind, machine, warnings)
    before = _arguments(package, "runtimeArguments", values)
    after = _arguments(package, "packageArguments", values)
    env: dict[str, str] = {}
    later: list[str] = []
    for variable in package.items("environmentVariables"):
        name = variable.required("name")
        if not is_variable(name):
            variable.refuse("this is no name that an environment variable can have", at="name")
        if name in values.elsewhere:
            later.append(name)
            continue
        if _loads_code(name) and (variable.get("value") or variable.get("default")):
            variable.refuse(
                f"{name} makes programs load other code, so a manifest may not set it",
                mend=f"--env {name}=VALUE sets it, if that is meant",
                at="name",
            )
        for value in values.of(variable, name):
            env[name] = value
            if looks_secret(name):
                values.secrets.add(value)
    if version is None and "@sha256:" not in identifier and ":" not in identifier.rpartition("/")[2]:
        warnings.append("the manifest names no version of the package, so each start takes the newest")
    forms = {"uvx": _uvx, "pipx": _pipx, "npx": _npx, "bunx": _bunx, "docker": _container, "podman": _container}
    args = forms[runner](identifier, version, before, [*env, *later])
    return ServerSpec(command=runner, args=(*args, *after), env=env)


def _loads_code(name: str) -> bool:
    """Whether a variable changes what the runner itself loads, before the package has its say."""
    return name.upper() in _LOADERS or name.upper().startswith(("LD_", "DYLD_"))


def _identifier(package: Element, kind: str) -> str:
    identifier = package.required("identifier")
    if not _NAMES[kind].fullmatch(identifier):
        what = printable(shortened(masked(identifier), 80))
        package.refuse(f"{what} is not the name of a package on {kind}", at="identifier")
    base = package.text("registryBaseUrl")
    if base is not None and kind in _INDEXES and base.rstrip("/") not in _INDEXES[kind]:
        package.refuse(
            f"this is {printable(masked(base))}, and packages are fetched from {_INDEXES[kind][0]} alone",
            mend="name the command after --, with the runner's own option for another index",
            at="registryBaseUrl",
        )
    if kind == "oci" and base is not None and "." not in identifier.partition("/")[0]:
        identifier = f"{base.partition('://')[2].strip('/')}/{identifier}"
        if not _NAMES[kind].fullmatch(identifier):
            package.refuse("this is not the address of a registry of images", at="registryBaseUrl")
    return identifier


def _runner(package: Element, kind: str, machine: Machine, warnings: list[str]) -> str:
    """The program to run a package with.

    Raises:
        Refused: where the manifest's arguments are meant for a program that we do not start.
    """
    hint, known = package.text("runtimeHint"), _RUNNERS[kind]
    for_hint = bool(package.items("runtimeArguments"))
    if hint is not None and hint not in known:
        if for_hint:
            package.refuse(
                f"{printable(hint)} is not started for a package on {kind}",
                why=f"that is done with {' or '.join(known)}",
                mend="name the command after --",
                at="runtimeHint",
            )
        warnings.append(f"{printable(hint)} is the manifest's hint; {known[0]} is used, which fetches the package")
        hint = None
    found = [runner for runner in known if machine.which(runner)]
    if hint is None and for_hint:
        hint = known[0]
    if hint is None or (hint not in found and found and not for_hint):
        hint = found[0] if found else known[0]
    if hint not in found:
        warnings.append(f"{hint} is not found on PATH, and starts this server")
    return hint


def _arguments(package: Element, key: str, values: Values) -> list[str]:
    """The arguments of one list: each value by itself, behind the name where there is one."""
    arguments: list[str] = []
    for argument in package.items(key):
        kind = argument.required("type")
        if kind == "positional":
            hint = argument.text("valueHint")
            if hint is None and argument.text("value") is None:
                argument.refuse("a positional argument needs a value or a valueHint")
            arguments += values.of(argument, hint or argument.where, repeated=argument.flag("isRepeated"))
        elif kind == "named":
            arguments += _named(argument, values)
        else:
            argument.refuse(f"this must be positional or named, and is {printable(kind)}", at="type")
    return arguments


def _named(argument: Element, values: Values) -> list[str]:
    name = argument.required("name")
    says_more = ("value", "default", "choices", "format", "placeholder", "isRequired", "description", "valueHint")
    if all(argument.get(key) is None for key in says_more):
        return [name]
    found = []
    for value in values.of(argument, name.lstrip("-"), repeated=argument.flag("isRepeated")):
        if argument.text("format") == "boolean":
            found += [name] if value == "true" else []
        else:
            found += [name, value] if value else [name]
    return found


def _uvx(identifier: str, version: str | None, before: list[str], env: list[str]) -> list[str]:
    if "--from" in before or any(argument.startswith("--from=") for argument in before):
        return [*before, identifier]
    return [*before, f"{identifier}@{version}" if version else identifier]


def _pipx(identifier: str, version: str | None, before: list[str], env: list[str]) -> list[str]:
    return ["run", *before, *(["--spec", f"{identifier}=={version}"] if version else []), identifier]


def _npx(identifier: str, version: str | None, before: list[str], env: list[str]) -> list[str]:
    agreed = [] if {"-y", "--yes"} & set(before) else ["-y"]
    return [*agreed, *before, f"{identifier}@{version}" if version else identifier]


def _bunx(identifier: str, version: str | None, before: list[str], env: list[str]) -> list[str]:
    return [*before, f"{identifier}@{version}" if version else identifier]


def _container(identifier: str, version: str | None, before: list[str], env: list[str]) -> list[str]:
    """Variables go through by their names alone, so that no value stands among the arguments."""
    named = ":" in identifier.rpartition("/")[2] or "@" in identifier
    image = f"{identifier}:{version}" if version and not named else identifier
    start = [] if before[:1] == ["run"] else ["run", "-i", "--rm"]
    passed = [word for name in env for word in ("-e", name)]
    return [*start, *before, *passed, image]


def _wanted(element: Element, name: str) -> Wanted:
    about = element.text("description") or element.text("placeholder") or ""
    secret = element.flag("isSecret") or looks_secret(name)
    return Wanted(name, printable(shortened(about, 200)), secret, element.texts("choices"), element.text("default"))


def _missing(missing: Mapping[str, Wanted]) -> Misuse:
    lines = []
    for wanted in missing.values():
        choices = f"one of {', '.join(map(printable, wanted.choices))}" if wanted.choices else ""
        name = printable(wanted.name) + (" (secret)" if wanted.secret else "")
        lines.append(": ".join(filter(None, (name, ", ".join(filter(None, (wanted.about, choices)))))))
    first = next(iter(missing.values()))
    name = printable(first.name)
    mend = f"--var {name}=VALUE"
    if first.secret:
        kept = f"`connect-mcp secret set {name}` and then --secret {name} keep it out of the file"
        mend = f"--var {name} takes it from the variable of that name here; {kept}"
    return Misuse("the manifest asks for values that are not given", why="\n".join(lines), mend=mend)
