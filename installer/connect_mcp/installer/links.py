"""Links that install a server in a host when they are opened: no secret ever stands in one, since links are passed on.

Each form with its source:
    Cursor: cursor.com/docs/mcp/install-links: the entry as JSON in base64.
    VS Code: code.visualstudio.com/api/extension-guides/ai/mcp: the entry and its name as JSON, and what it asks for
        as a list under `inputs`.
    LM Studio: lmstudio.ai/docs/app/mcp/deeplink: the entry as JSON in base64.
    Goose: block/goose, documentation of extensions and deeplink.ts of its desktop: a parameter for each part; `env` and
        `header` are what a person is asked for; it takes no other program than `PROGRAMS`.
"""

import base64
import json
from collections.abc import Callable, Mapping
from typing import NamedTuple
from urllib.parse import quote, urlencode

from connect_mcp.base.errors import Refused
from connect_mcp.base.masking import masked, secret_values
from connect_mcp.base.record import replace

from .hosts.model import Host
from .spec import Reference, ServerSpec, Template

PROGRAMS = frozenset({"cu", "docker", "goosed", "jbang", "npx", "npx.cmd", "uvx"})
"""What Goose starts from a link."""


class Link(NamedTuple):
    """A link, and what its reader must add.

    Attributes:
        url: the link.
        missing: the variables and headers whose values are left out, since they are secrets.
    """

    url: str
    missing: tuple[str, ...]


def link(host: Host, name: str, spec: ServerSpec) -> Link:
    """The link that installs a server in a host.

    Args:
        host: one of `LINKED`.
        name: the server's name.
        spec: the server.

    Raises:
        Refused: where the host takes no link, or none for such a server, or a secret cannot be left out.
    """
    if host.id not in LINKED:
        raise Refused(f"{host.title} takes no links", why=f"known are those of {', '.join(LINKED)}")
    spec, missing = without_secrets(host, name, spec)
    return Link(LINKED[host.id](host, name, spec), tuple(spec.env) if host.id == "goose" else missing)


def without_secrets(host: Host, name: str, spec: ServerSpec) -> tuple[ServerSpec, tuple[str, ...]]:
    """The server without the secrets that stand in it, and the names of the variables and headers that held them.

    In place of each stands what the host has a form for: a question to the person, or a variable of its own; otherwise
    the value is left empty.

    Raises:
        Refused: for a secret among the arguments or in the URL, where nothing can stand in for it.
    """
    line = [spec.command, *spec.args, spec.cwd, spec.url]
    if any(masked(text) != text for text in line) or secret_values({"args": list(spec.args)}):
        raise Refused(
            "a secret stands in the arguments or the URL of this server, and what is printed here is passed on",
            mend="give it in a variable or a header",
        )
    env = {key: _open(host, name, "env", key, text) for key, text in spec.env.items()}
    headers = {key: _open(host, name, "headers", key, text) for key, text in spec.headers.items()}
    before = {**spec.env, **spec.headers}
    missing = [key for key, text in {**env, **headers}.items() if text is not before[key]]
    return replace(spec, env=env, headers=headers), tuple(missing)


def _open(host: Host, name: str, field: str, key: str, text: str) -> str:
    """A text, or what stands in for it where it is a secret."""
    if isinstance(text, Template) or not text or not secret_values({key: text}):
        return text
    scheme, _, rest = text.partition(" ")
    before = [f"{scheme} "] if rest and scheme.isalpha() else []
    variable = key.upper().replace("-", "_")
    for reference in (Reference("input", f"{name}-{variable}"), Reference("env", variable)):
        opened = {key: Template(*before, reference)}
        spec = ServerSpec("x", env=opened) if field == "env" else ServerSpec(url="u", transport="http", headers=opened)
        try:
            host.render(spec)
        except Refused:
            continue
        return opened[key]
    return ""


def _cursor(host: Host, name: str, spec: ServerSpec) -> str:
    query = {"name": name, "config": _base64(host.render(spec))}
    return f"cursor://anysphere.cursor-deeplink/mcp/install?{urlencode(query, quote_via=quote)}"


def _vscode(scheme: str) -> Callable[[Host, str, ServerSpec], str]:
    def build(host: Host, name: str, spec: ServerSpec) -> str:
        asked = [{"id": put.name, **put.entry} for put in host.companions(spec)]
        config = {"name": name, **host.render(spec), **({"inputs": asked} if asked else {})}
        return f"{scheme}:mcp/install?{quote(_json(config), safe='')}"

    return build


def _lm_studio(host: Host, name: str, spec: ServerSpec) -> str:
    query = {"name": name, "config": _base64(host.render(spec))}
    return f"lmstudio://add_mcp?{urlencode(query, quote_via=quote)}"


def _goose(host: Host, name: str, spec: ServerSpec) -> str:
    pairs: list[tuple[str, str]]
    if replace(spec, env={}, headers={}).references:
        raise Refused("a link to Goose can hold no references", mend="connect-mcp configure goose writes any command")
    if spec.is_remote:
        if spec.transport != "http":
            raise Refused("Goose takes links for servers over HTTP alone, and none over SSE")
        pairs = [("url", spec.url), ("type", "streamable_http")]
        # Goose decodes a header's value once more than the rest.
        values = {key: "" if isinstance(text, Template) else text for key, text in spec.headers.items()}
        pairs += [("header", f"{key}={quote(text)}") for key, text in values.items()]
    else:
        # An entry names its program by the whole path, and Goose knows those by their names alone.
        program = spec.command.replace("\\", "/").rpartition("/")[2]
        if program not in PROGRAMS:
            raise Refused(
                f"Goose starts only {', '.join(sorted(PROGRAMS))} from a link",
                mend="connect-mcp configure goose writes any command",
            )
        if program == "npx" and "-c" in spec.args:
            raise Refused("Goose starts no `npx -c` from a link")
        pairs = [("cmd", program), *(("arg", argument) for argument in spec.args)]
    pairs += [("env", f"{key}={key}") for key in spec.env]  # it asks for every value, and takes none from the link
    pairs += [("id", name), ("name", name), ("description", name)]
    return f"goose://extension?{urlencode(pairs, quote_via=quote)}"


LINKED: Mapping[str, Callable[[Host, str, ServerSpec], str]] = {
    "cursor": _cursor,
    "goose": _goose,
    "lm-studio": _lm_studio,
    "vscode": _vscode("vscode"),
    "vscode-insiders": _vscode("vscode-insiders"),
    "vscodium": _vscode("vscodium"),
}
"""How each host's link is built, by the host's id."""


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _base64(value: object) -> str:
    return base64.b64encode(_json(value).encode()).decode()
