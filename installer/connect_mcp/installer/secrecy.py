"""What becomes of a server's secrets when its entry is written: kept in the store, referred to, or written as they are.

`store` leaves nothing in the host's file: the bundled server finds its key by itself, and any other server is started
by `connect-mcp run`. `reference` writes the host's own form for "this variable of mine" or "ask for it". `inline`
writes the value, and never into a project's file that git tracks or would track.
"""

from __future__ import annotations

import argparse
import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, get_args

from connect_mcp.base.errors import Misuse, Place, Refused
from connect_mcp.base.machine import Machine
from connect_mcp.base.masking import looks_secret, masked, secret_values
from connect_mcp.base.record import field, record, replace
from connect_mcp.base.secrets import Store, check_name, check_value, is_profile, is_variable, qualified, set_line
from connect_mcp.base.text import printable

from .bundled import KEY_VARIABLE, SCRIPT, is_bundled
from .hosts.model import Host, Location
from .installation import our_command, this_installation
from .spec import Reference, ServerSpec, Template
from .stored import URL_VARIABLE, wrapped

Mode = Literal["store", "reference", "inline"]

_BEARER = "Bearer "
_OWN = (KEY_VARIABLE, URL_VARIABLE)
"""What the bundled server looks for in the store by itself."""


@record
class Wanted:
    """What the options say of secrets, for all hosts alike.

    Attributes:
        store: where they are kept.
        mode: what is to become of them; None for what fits.
        named: stored names by the variables or headers that they are for (`--secret`).
        values: what was typed for them just now.
        profile: whose they are.
        force: whether a value may also go into a file that is shared.
    """

    store: Store
    mode: Mode | None = None
    named: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    profile: str | None = None
    force: bool = False


@record
class Hidden:
    """A server whose secrets are where they belong.

    Attributes:
        spec: the server as its entry says it.
        keep: values to keep before the entry is written, by stored name.
        values: what must never be shown.
        inline: whether a secret stands in the entry.
        warnings: sentences for people.
    """

    spec: ServerSpec = field(repr=False)
    keep: Mapping[str, str] = field(default_factory=dict, repr=False)
    values: frozenset[str] = field(default=frozenset(), repr=False)
    inline: bool = False
    warnings: tuple[str, ...] = ()


@record
class Spot:
    """Where an entry goes.

    Attributes:
        machine: on which machine.
        host: for which host.
        scope: of which scope.
        location: into which file.
        entry: under which name.
    """

    machine: Machine
    host: Host
    scope: str
    location: Location
    entry: str

    @property
    def is_shared(self) -> bool:
        """Whether the file is a project's, which others get as well."""
        return self.scope == "project"


def add_secrecy(parser: argparse.ArgumentParser) -> None:
    """The options that say what becomes of secrets."""
    parser.add_argument(
        "--secrets",
        choices=get_args(Mode),
        help="keep secrets in the store, refer to the host's variables, or write them into the entry (default: store; "
        "for other servers in project scope, and for URLs, reference)",
    )
    parser.add_argument(
        "--secret",
        action="append",
        default=[],
        metavar="NAME[=VARIABLE]",
        help="this variable of the server is a secret: taken from the store, or asked for (of a URL: NAME=HEADER)",
    )
    parser.add_argument("--profile", metavar="NAME", help="the secrets are those of this profile")


def wanted(args: argparse.Namespace, store: Store, server: ServerSpec | None) -> Wanted:
    """What the options say; asks for what is missing where somebody is there.

    Args:
        args: the options.
        store: the user's.
        server: the server, with the values that were given for it; None for the bundled one.

    Raises:
        Refused: where a secret is missing and there is nobody to ask.
        Misuse: where the options cannot be meant.
    """
    if args.profile is not None and not is_profile(args.profile):
        raise Misuse("--profile is letters, digits and `-._@:+`")
    if args.profile is not None and args.embedded:
        raise Misuse("--embedded needs no account: it cannot be combined with --profile")
    named: dict[str, str] = {}
    for option in args.secret:
        name, equals, variable = option.partition("=")
        check_name(name)
        variable = variable if equals else name.rpartition("/")[2]
        if not is_variable(variable.replace("-", "_")):
            raise Misuse(f"--secret {name}=…: what stands after = is no name of a variable or header")
        named[variable] = qualified(name, args.profile)
    shared = args.scope == "project" and server is not None
    referred = (args.secrets or ("reference" if shared or (server and server.is_remote) else "store")) == "reference"
    kept = store.kept() if named and not referred else {}
    given = {option.partition("=")[0] for option in args.env} | set(server.env if server else ())
    missing = {variable: name for variable, name in named.items() if name not in kept and variable not in given}
    values = {} if referred or args.dry_run or args.print_only else _asked(missing, yes=args.yes)
    return Wanted(store, args.secrets, named, values, args.profile, args.force)


def _asked(missing: Mapping[str, str], *, yes: bool) -> dict[str, str]:
    from .prompt import hidden, somebody_is_there

    if missing and (yes or not somebody_is_there()):
        names = ", ".join(missing.values())
        raise Refused(
            f"{'this secret is' if len(missing) == 1 else 'these secrets are'} not stored: {names}",
            mend="; ".join(map(set_line, missing.values())),
        )
    values = {}
    for variable, name in missing.items():
        values[variable] = hidden(f"{name} (not shown): ")
        check_value(values[variable])
    return values


@contextlib.contextmanager
def keeping(store: Store, keep: Mapping[str, str]) -> Iterator[None]:
    """Keep secrets for as long as what is done meanwhile goes well; otherwise the store is as it was.

    Raises:
        Refused: where the store cannot be written.
    """
    before = store.kept() if keep else {}
    done: list[str] = []
    try:
        for name, value in keep.items():
            done.append(name)
            store.put(name, value)
        yield
    except BaseException:
        for name in done:
            store.restore(name, before.get(name))
        raise


def hide(place: Spot, spec: ServerSpec, wish: Wanted, known: frozenset[str] = frozenset()) -> Hidden:
    """Put a server's secrets where the options want them.

    Args:
        place: where its entry goes.
        spec: the server, with the values that were given for it.
        wish: what the options say.
        known: values that are secret, whatever they are called.

    Raises:
        Refused: where that cannot be, with what can be done instead.
    """
    if spec.is_remote:
        return _of_url(place, spec, wish, known)
    bundled = is_bundled(spec)
    embedded = bundled and "--embedded" in spec.args
    if bundled and wish.profile and not embedded:
        spec = replace(spec, args=(*spec.args, "--profile", wish.profile))
    secrets = {name: text for name, text in spec.env.items() if _is_secret(name, text, known, wish.named)}
    if bundled and wish.profile and URL_VARIABLE in spec.env:  # a profile takes nothing from the environment
        secrets[URL_VARIABLE] = spec.env[URL_VARIABLE]
    secrets |= {name: wish.values.get(name, "") for name in wish.named if name not in spec.env}
    mode = wish.mode or ("reference" if place.is_shared and not bundled else "store")
    in_arguments = _in_arguments(spec.args, known)
    doing = {"store": _stored, "reference": _referred, "inline": _written}[mode]
    done = doing(place, spec, secrets, wish) if secrets else Hidden(spec)
    if not in_arguments:
        return replace(done, values=done.values | frozenset(filter(None, secrets.values())))
    _may_be_written(place, wish)
    warning = "an argument looks like a secret, and stands in the entry: give it in a variable, if the server reads one"
    return replace(
        done,
        values=done.values | frozenset(filter(None, secrets.values())) | in_arguments,
        inline=True,
        warnings=(*done.warnings, warning),
    )


def _in_arguments(args: Sequence[str], known: frozenset[str]) -> set[str]:
    """The arguments that hold a secret: of the form of one, or behind an option that tells, unless that is a path."""
    found = set()
    for before, text in zip(("", *args), args, strict=False):
        telling = before.startswith("-") and "=" not in before and looks_secret(before)
        value = telling and not text.startswith(("-", "/", "./", "../", "~", "$", "{"))
        if not isinstance(text, Template) and (value or text in known or masked(text) != text):
            found.add(text)
    return found


def _is_secret(name: str, text: str, known: frozenset[str], named: Mapping[str, str]) -> bool:
    if name in named:
        return True
    if not text or isinstance(text, Template):
        return False
    # A literal `${X}` is a reference in somebody's spelling, and holds nothing.
    telling = looks_secret(name) and bool(secret_values({name: text}))
    return telling or text in known or ("://" in text and masked(text) != text)


def _stored(place: Spot, spec: ServerSpec, secrets: Mapping[str, str], wish: Wanted) -> Hidden:
    """Into the store: the bundled server finds its own there, any other is started with them."""
    kept = wish.store.kept()
    keep: dict[str, str] = {}
    names: dict[str, str] = {}
    notes: list[str] = []
    own = _OWN if is_bundled(spec) else ()
    for variable, value in secrets.items():
        if not is_variable(variable):
            raise Refused(
                f"{printable(variable)} is no variable that a stored secret can go into",
                mend="--secrets inline writes it into the entry",
            )
        name = wish.named.get(variable, qualified(variable, wish.profile))
        if value and name in kept and wish.store.value(name) != value:
            if wish.profile or variable in own or variable in wish.named:
                raise Refused(
                    f"another value is kept as {name}",
                    mend=f"`{set_line(name)}` replaces it for all that use it; --profile NAME keeps both",
                )
            name = f"{_slug(place.entry)}/{variable}"
            if name in kept and wish.store.value(name) != value:
                notes.append(f"what was kept as {name} is replaced")
            else:
                notes.append(f"another value is kept as {variable}, so this one is kept as {name}")
        if value:
            check_value(value)
            keep[name] = value
        elif name not in kept:
            notes.append(f"{name} is not stored yet: {set_line(name)}")
        names[variable] = name
    keep = {name: value for name, value in keep.items() if name not in kept or wish.store.value(name) != value}
    if place.is_shared:
        notes += [f"everybody who gets this file keeps their own: {set_line(name)}" for name in names.values()]
    found = {variable: qualified(variable, wish.profile) for variable in own}
    rest = {variable: name for variable, name in names.items() if found.get(variable) != name}
    spec = replace(spec, env={key: text for key, text in spec.env.items() if key not in names})
    if rest:
        spec = wrapped(spec, rest, _program(place, spec))
    for name in names.values():
        if name in kept and kept[name].keychain:
            _must_read_back(place, spec, wish.store, name)
    return Hidden(spec, keep, frozenset(keep.values()), warnings=tuple(notes))


def _program(place: Spot, spec: ServerSpec) -> tuple[str, tuple[str, ...]]:
    """How the host starts `connect-mcp run`, with the settings folder where the host would lose it."""
    command, before = our_command(place.machine, this_installation(), portable=place.is_shared)
    moved = place.machine.env.get("XDG_CONFIG_HOME")
    folder: tuple[str, ...] = ()
    if moved and not place.is_shared and "XDG_CONFIG_HOME" not in place.host.server_env(place.machine, spec.env):
        folder = ("--config-dir", place.machine.join(moved, SCRIPT))
    return command, (*before, "run", *folder)


def _must_read_back(place: Spot, spec: ServerSpec, store: Store, name: str) -> None:
    from .readback import unread_by  # starts a process, and most secrets are in the file

    value = store.value(name)
    found = unread_by(name, value or "", place.machine, [(place.host, spec.env)])
    if found:
        raise Refused(
            f"servers of {place.host.title} could not read {name} from the keychain",
            why=found[place.host.id],
            mend=f"{set_line(name)} keeps it in a file of your own instead",
        )


def _referred(place: Spot, spec: ServerSpec, secrets: Mapping[str, str], wish: Wanted) -> Hidden:
    """In the host's own form for a variable of its own, or for something that it asks a person for."""
    names = {variable: wish.named.get(variable, variable).rpartition("/")[2] for variable in secrets}
    references = {variable: _reference(place, name) for variable, name in names.items()}
    spec = replace(spec, env={**spec.env, **{name: Template(reference) for name, reference in references.items()}})
    _must_have_a_form(place, spec, started=True)
    notes = [
        note for variable, value in secrets.items() for note in _looked_for(place, references[variable], bool(value))
    ]
    return Hidden(spec, warnings=tuple(notes))


def _reference(place: Spot, variable: str) -> Reference:
    forms = place.host.syntax.forms if place.host.syntax else {}
    if "input" in forms:  # qualified: an answer goes to the server that it was given for
        return Reference("input", f"{_slug(place.entry)}-{variable}")
    return Reference("secret" if "secret" in forms else "env", variable)


def _must_have_a_form(place: Spot, spec: ServerSpec, *, started: bool) -> None:
    try:
        place.host.render(spec)
    except Refused as refusal:
        syntax = place.host.syntax
        nothing = syntax is not None and not syntax.forms
        why = f"nothing is known of references in {place.host.title}'s file" if nothing else refusal.what
        other = "--secrets store keeps them out of the file; " if started else ""
        raise Refused(
            f"{place.host.title} cannot be told where a secret is",
            why=why,
            mend=f"{other}--secrets inline writes them into it{', in user scope' if place.is_shared else ''}",
        ) from None


def _looked_for(place: Spot, reference: Reference, was_given: bool) -> list[str]:
    """What a person must know of a reference: where the host looks, and whether anything is there."""
    title, name, machine = place.host.title, reference.name, place.machine
    notes = ["the value that was given is written nowhere"] if was_given else []
    if reference.kind == "input":
        return [*notes, f"{title} asks for {name} at the server's first start, and keeps the answer encrypted"]
    if reference.kind == "secret":
        from connect_mcp.base.dotenv import value_in

        # continuedev/continue: `~/.continue/.env`, and cn's own environment before it
        path = machine.join(machine.parent(place.host.locate(machine).path), ".env")
        text = (machine.files.read(path) or b"").decode("utf-8", "replace")
        there = None
        with contextlib.suppress(Refused):  # it is not our file to judge
            there = value_in(text, name, path)
        if machine.variable(name) is None and there is None:
            notes.append(f"{name} is not set where {title} looks for it: put it into {printable(path)}")
        return notes
    if machine.variable(name) is None:
        notes.append(f"{name} is not set here, and {title} must be started where it is")
    elif place.host.passed_on.from_dock:
        notes.append(f"{title} sees {name} only where it is started with it: from a terminal, not from a dock or menu")
    return notes


def _written(place: Spot, spec: ServerSpec, secrets: Mapping[str, str], wish: Wanted) -> Hidden:
    """As they are."""
    _may_be_written(place, wish)
    found = {}
    for variable, value in secrets.items():
        name = wish.named.get(variable, qualified(variable, wish.profile))
        text = value or wish.store.value(name)
        if text is None:
            raise Refused(f"this secret is not stored: {name}", mend=set_line(name))
        found[variable] = text
    spec = replace(spec, env={**spec.env, **found})
    return Hidden(spec, values=frozenset(found.values()), inline=True)


def _may_be_written(place: Spot, wish: Wanted) -> None:
    """Refuse a secret in a file that others get."""
    if place.is_shared and not wish.force and not _is_ignored(place.machine, place.location.path):
        raise Refused(
            "a secret would stand in this file, which is a project's and is shared with others",
            place=Place(place.location.path),
            why="git does not ignore it",
            mend="use --secrets reference or store, --scope user, or --force to write it all the same",
        )


def _is_ignored(machine: Machine, path: str) -> bool:
    """Whether git ignores a file and does not track it; where git cannot say, it does not."""
    import subprocess

    folder = machine.parent(path)
    while not machine.is_dir(folder) and machine.parent(folder) != folder:
        folder = machine.parent(folder)
    git = machine.which("git")
    if git is None:
        return False
    # Nothing that the repository's own settings name is started.
    command = [git, "-c", "core.fsmonitor=false", "-c", "core.hooksPath=", "check-ignore", "--quiet", "--", path]
    try:
        done = subprocess.run(command, cwd=folder, env=dict(machine.env), capture_output=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _of_url(place: Spot, spec: ServerSpec, wish: Wanted, known: frozenset[str]) -> Hidden:
    """A server behind a URL: nothing of ours stands between it and the host, so the host must have its headers."""
    if wish.mode == "store":
        raise Refused(
            "the store is for servers that are started, and this one is at a URL",
            why="the host calls it by itself",
            mend="--secrets reference where the host has variables, --secrets inline where it has none",
        )
    named = {header: name.rpartition("/")[2] for header, name in wish.named.items()}
    literal = {
        header: text
        for header, text in spec.headers.items()
        if header not in named and _is_secret(header, text, known, {})
    }
    in_url = {text for text in known if text and text in spec.url and not isinstance(spec.url, Template)}
    if not named and not literal and not in_url:
        return Hidden(spec)
    if in_url:
        _may_be_written(place, wish)
    mode = wish.mode or ("inline" if literal and not named and not place.is_shared else "reference")
    values = frozenset(literal.values()) | in_url
    if mode == "inline":
        _may_be_written(place, wish)
        found = {header: _with_scheme(header, _value_of(header, wish)) for header in named}
        where = "the header" if len(literal) + len(found) == 1 else "the headers"
        note = f"{where} {', '.join((*literal, *found))} of {place.host.title}'s entry in clear"
        inside = (f"a secret stands in {note}; --secrets reference keeps it out",) if literal or found else ()
        spec = replace(spec, headers={**spec.headers, **found})
        return Hidden(spec, values=values | frozenset(found.values()), inline=True, warnings=inside)
    variables = {**named, **{header: _variable_for(place, header) for header in literal}}
    references = {header: _reference(place, variable) for header, variable in variables.items()}
    templates = {
        header: Template(_scheme(header, literal.get(header)), reference)
        if _scheme(header, literal.get(header))
        else Template(reference)
        for header, reference in references.items()
    }
    spec = replace(spec, headers={**spec.headers, **templates})
    _must_have_a_form(place, spec, started=False)
    notes = tuple(note for header in variables for note in _looked_for(place, references[header], header in literal))
    return Hidden(spec, values=values, inline=bool(in_url), warnings=notes)


def _value_of(header: str, wish: Wanted) -> str:
    value = wish.values.get(header) or wish.store.value(wish.named[header])
    if value is None:
        raise Refused(f"this secret is not stored: {wish.named[header]}", mend=set_line(wish.named[header]))
    return value


def _scheme(header: str, text: str | None = None) -> str:
    """What stands before the secret in a header."""
    if text is not None:
        first, blank, rest = text.partition(" ")
        return f"{first} " if blank and rest.strip() and first.isalpha() else ""
    return _BEARER if header.lower() == "authorization" else ""


def _with_scheme(header: str, value: str) -> str:
    return value if " " in value else _scheme(header) + value


def _variable_for(place: Spot, header: str) -> str:
    """The variable that a header's secret is looked for in: `X-API-Key` in X_API_KEY, Authorization in NAME_TOKEN."""
    name = f"{_slug(place.entry)}_TOKEN" if header.lower() == "authorization" else header
    variable = "".join(char if char.isascii() and char.isalnum() else "_" for char in name).upper()
    return variable if is_variable(variable) else f"_{variable}"


def _slug(entry: str) -> str:
    """An entry's name as it can stand in a profile's name."""
    text = "".join(char if char.isascii() and (char.isalnum() or char in "-._@:+/") else "-" for char in entry)
    parts = [part.lstrip("-._@:+") for part in text.split("/")]
    return "/".join(part for part in parts if part) or "entry"
