"""Which server to write: one that is started, at a URL, in the registry's form, or as a server tells of itself."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from connect_mcp.base.errors import Misuse, Place, Refused
from connect_mcp.base.machine import Machine
from connect_mcp.base.masking import MASK, looks_secret, masked, secret_values
from connect_mcp.base.record import field, record
from connect_mcp.base.text import printable

from .prompt import asked, hidden, somebody_is_there
from .spec import ServerSpec, Transport

_MANIFEST_BYTES = 1 << 20


@record
class Source:
    """A server as the options name it, before any host has its say.

    Attributes:
        spec: the server.
        name: what it calls itself; "" where it does not.
        secrets: the values in it that must not be shown.
        about: lines that say what was found, for a person to agree to; safe to print.
        theirs: whether somebody else's words say what is written: nothing of it is started before a person has agreed.
        must_agree: whether nothing is written either.
        warnings: sentences for people.
    """

    spec: ServerSpec
    name: str = ""
    secrets: frozenset[str] = field(default=frozenset(), repr=False)
    about: tuple[str, ...] = ()
    theirs: bool = False
    must_agree: bool = False
    warnings: tuple[str, ...] = ()


def add_sources(parser: argparse.ArgumentParser) -> None:
    """The options that name a server."""
    parser.add_argument("--url", help="a server that is reached at this URL")
    parser.add_argument(
        "--header", action="append", default=[], metavar="KEY=VALUE", help="an HTTP header that the host sends to it"
    )
    parser.add_argument(
        "--transport", choices=("http", "sse"), help="how it is spoken to (default: http, Streamable HTTP)"
    )
    parser.add_argument(
        "--manifest", metavar="FILE", help="a server.json of the MCP registry: a file, - or an https URL"
    )
    parser.add_argument(
        "--package",
        choices=("pypi", "npm", "oci", "remote"),
        help="which of the manifest's packages (default: what runs here)",
    )
    parser.add_argument(
        "--var", action="append", default=[], metavar="NAME=VALUE", help="a value that the manifest asks for"
    )
    parser.add_argument("--info", metavar="URL", help="ask this public info endpoint where its server is")


def source_of(args: argparse.Namespace, machine: Machine, env: Mapping[str, str]) -> Source | None:
    """The server that the options name; None for the bundled one.

    Raises:
        Misuse: where they contradict each other.
        Refused: where what they name cannot be read or used.
    """
    named = [
        option
        for option, given in (
            ("a command after --", args.server or None),
            ("--url", args.url),
            ("--manifest", args.manifest),
            ("--info", args.info),
        )
        if given is not None  # `--url "$URL"` where URL is not set is a mistake, and no wish for the bundled server
    ]
    if len(named) > 1:
        raise Misuse(f"{' and '.join(named)} exclude each other", why="each names a server")
    if args.embedded and named:
        raise Misuse(f"--embedded belongs to the bundled server, and {named[0]} names another")
    for option, value, wanted in (
        ("--header", args.header, ("--url", "--info", "--manifest")),
        ("--transport", args.transport, ("--url", "--info")),
        ("--package", args.package, ("--manifest",)),
        ("--var", args.var, ("--manifest",)),
    ):
        if value and not set(named) & set(wanted):
            raise Misuse(f"{option} goes with {' or '.join(wanted)}")
    if args.server:
        return Source(ServerSpec(args.server[0], tuple(args.server[1:]), dict(env)))
    found = None
    if args.url is not None:
        found = _remote(args, machine, args.url)
    elif args.info is not None:
        found = _told(args, machine)
    elif args.manifest is not None:
        found = _described(args, machine, env)
    if found and found.spec.is_remote and env:
        raise Misuse("--env is for a server that is started", mend="send it as a header: --header KEY=VALUE")
    return found


def headers_of(args: argparse.Namespace, machine: Machine) -> dict[str, str]:
    """The `--header` options; a bare KEY takes its value from the variable of that name here (X-API-KEY: X_API_KEY).

    Raises:
        Misuse: for what cannot be a header.
    """
    headers: dict[str, str] = {}
    for option in args.header:
        sign = next((char for char in option if char in "=:"), "")
        name, _, value = option.partition(sign) if sign else (option, "", "")
        name = name.strip()
        if not name or not name.isascii() or any(not (char.isalnum() or char in "!#$%&'*+.^_`|~-") for char in name):
            raise Misuse("--header takes KEY=VALUE, or KEY for a variable that is set here")
        if not sign:
            value = machine.variable(name) or machine.variable(name.upper().replace("-", "_")) or ""
            if not value:
                variable = name.upper().replace("-", "_")
                raise Misuse(f"--header {name}: no variable {variable} is set here", mend=f"--header {name}=VALUE")
        value = value.strip()
        if not all(" " <= char <= "~" or char == "\t" for char in value):
            raise Misuse(
                f"--header {name}: its value holds what a header cannot: a line end, or another sign than ASCII's"
            )
        if any(name.lower() == known.lower() for known in headers):
            raise Misuse(f"--header {name} is given twice")
        headers[name] = value
    return headers


def _remote(args: argparse.Namespace, machine: Machine, url: str) -> Source:
    from .web import checked, doubts, secret_query  # parses URLs, which a server that is started needs none of

    parts = checked(url, force=args.force)
    headers = headers_of(args, machine)
    spec = ServerSpec(url=url, transport=cast("Transport", args.transport or "http"), headers=headers)
    found = _secret(headers) | secret_query(parts) | secret_values(dict(headers))
    return Source(spec, secrets=found, warnings=tuple(doubts(parts)))


def _secret(headers: Mapping[str, str]) -> frozenset[str]:
    """The secret values among headers, each whole and without the `Bearer` before it."""
    values = {value for name, value in headers.items() if looks_secret(name) or masked(value) != value}
    return frozenset(filter(None, values | {value.partition(" ")[2] for value in values}))


def _told(args: argparse.Namespace, machine: Machine) -> Source:
    from .info import info

    told = info(args.info)
    args.transport = args.transport or told.transport
    found = _remote(args, machine, told.url)
    given = {name.lower() for name in found.spec.headers}
    missing = [name for name in told.headers if name.lower() not in given]
    warnings = [f"its example sends the header {printable(name)}: add --header {printable(name)}" for name in missing]
    warnings += ["the server is at another address than its info page"] if told.elsewhere else []
    return Source(
        found.spec,
        told.name,
        found.secrets,
        about=told.about,
        theirs=True,
        must_agree=True,
        warnings=(*found.warnings, *warnings),
    )


def _described(args: argparse.Namespace, machine: Machine, env: Mapping[str, str]) -> Source:
    from .manifest import Values, parsed, resolved

    text, name = _text_of(args.manifest, machine)
    ask = _ask if somebody_is_there() and not args.yes and args.manifest != "-" else None
    given = headers_of(args, machine)
    elsewhere = _from_store(args) | frozenset(env) | frozenset(name.lower() for name in given)
    values = Values(_variables(args, machine), elsewhere, ask, machine)
    found = resolved(parsed(text, name), values, machine, args.package)
    spec, warnings = found.spec, found.warnings
    secrets = found.secrets
    if spec.is_remote:
        from .web import checked, doubts

        warnings = (*warnings, *doubts(checked(spec.url, force=args.force)))
        secrets |= _secret(given)
        spec = ServerSpec(url=spec.url, transport=spec.transport, headers={**spec.headers, **given})
    elif args.header:
        raise Misuse("--header is for a server at a URL, and the manifest's is started", mend="add --package remote")
    else:
        spec = ServerSpec(spec.command, spec.args, {**spec.env, **env})
    line = " ".join([spec.command, *spec.args]) if spec.command else spec.url
    does = "calls" if spec.is_remote else "starts"
    about: tuple[str, ...] = (found.title, f"  {does}: {printable(masked(line, secrets))}")
    about += tuple(
        f"  sets: {_setting(name, text, secrets)}" for name, text in (*spec.env.items(), *spec.headers.items())
    )
    return Source(spec, found.name, secrets, about, theirs=True, warnings=tuple(warnings))


def _setting(name: str, text: str, secrets: frozenset[str]) -> str:
    shown = MASK if looks_secret(name) else masked(text, secrets)
    return f"{printable(name)}={printable(shown)}"


def _text_of(manifest: str, machine: Machine) -> tuple[str, str]:
    """A manifest's text, and what to call it in messages.

    Raises:
        Refused: where it cannot be read.
    """
    if manifest == "-":
        import sys

        data, name = sys.stdin.buffer.read(_MANIFEST_BYTES + 1), "standard input"
    elif manifest.startswith(("https://", "http://")):
        from .web import checked, is_loopback, page, shown

        parts = checked(manifest)
        if parts.scheme == "http" and not is_loopback(parts):
            raise Misuse("a manifest says what is started, so it is fetched over https alone", mend="fetch it yourself")
        data, name = page(manifest), shown(manifest)
    else:
        name = machine.join(machine.cwd, str(Path(manifest)))
        found = machine.files.read(name)
        if found is None:
            why = "it is a folder" if machine.is_dir(name) else "" if machine.exists(name) else "there is no such file"
            raise Refused("this file cannot be read", place=Place(name), why=why, mend="name a server.json")
        data = found
    if len(data) > _MANIFEST_BYTES:
        raise Refused("this is too long to be a server.json", place=Place(name))
    try:
        return data.decode("utf-8-sig"), name
    except UnicodeDecodeError:
        raise Refused("this is not UTF-8, so it is no server.json", place=Place(name)) from None


def _variables(args: argparse.Namespace, machine: Machine) -> dict[str, list[str]]:
    """The `--var` options; a bare NAME takes its value from the variable of that name here."""
    given: dict[str, list[str]] = {}
    for option in args.var:
        name, equals, value = option.partition("=")
        if not name.strip():
            raise Misuse("--var takes NAME=VALUE, or NAME for a variable that is set here")
        if not equals and machine.variable(name) is None:
            raise Misuse(
                f"--var {printable(name)}: no such variable is set here", mend=f"--var {printable(name)}=VALUE"
            )
        given.setdefault(name, []).append(value if equals else str(machine.variable(name)))
    return given


def _from_store(args: argparse.Namespace) -> frozenset[str]:
    """The variables that a stored secret fills when the server starts (`--secret NAME`, `--secret NAME=VARIABLE`)."""
    names = {option.partition("=")[2] or option.rpartition("/")[2] for option in args.secret}
    return frozenset(names | {name.lower() for name in names})  # headers do not tell the cases apart


def _ask(wanted: object) -> str:
    from .manifest import Wanted

    assert isinstance(wanted, Wanted)
    lines = [f"{printable(wanted.name)}: {wanted.about}".rstrip(": ")]
    if wanted.choices:
        lines.append(f"  one of {', '.join(map(printable, wanted.choices))}")
    default = f" [{printable(wanted.default)}]" if wanted.default and not wanted.secret else ""
    question = "\n".join(lines) + f"{default}: "
    return hidden(question) if wanted.secret else asked(question, wanted.default or "", wanted.choices)
