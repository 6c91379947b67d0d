"""Whether a server gets the variables that it needs, with values that can be meant."""

import re
from collections.abc import Iterator, Mapping

from connect_mcp.base.masking import looks_secret
from connect_mcp.base.text import printable

from ...bundled import KEY_VARIABLE, is_bundled
from ...editors.model import Value
from ...spec import ServerSpec, Template
from ...stored import URL_VARIABLE, needs, unwrapped
from ..model import Finding, Server, Sight
from ..words import entry, named, offered, ours, shown

SUFFIX = "/api/v1"
USUAL_URL = "https://api.connect.arythmatic.cloud/api/v1"
"""Where the API is for who hosts nothing of their own (connect-rest-api.md)."""
_KEY = re.compile(r"arc_[a-z]+_[A-Za-z0-9]+_[A-Za-z0-9]+")
_KEY_ANYWHERE = re.compile(r"arc_(?:live|test)_[A-Za-z0-9]+_[A-Za-z0-9]+")

FOREIGN = (
    (re.compile(r"\$\{env:\w+\}"), "${env:NAME}"),
    (re.compile(r"\{env:\w+\}"), "{env:NAME}"),
    (re.compile(r"\$\{input:[^}]+\}"), "${input:NAME}"),
    (re.compile(r"\$\{\{\s*secrets\.[^}]+\}\}"), "${{ secrets.NAME }}"),
    (re.compile(r"\$\{[A-Za-z_]\w*(?::-[^}]*)?\}"), "${NAME}"),
    (re.compile(r"%[A-Za-z_]\w*%"), "%NAME%"),
)
"""What references look like in one host or another, and how that form is called."""


def _is_connect(spec: ServerSpec) -> bool:
    """Whether it is a server of the Connect API: ours, or the original."""
    return is_bundled(spec) or "arythmatic" in " ".join((spec.command, *spec.args))


def references_lead_somewhere(sight: Sight, server: Server) -> Iterator[Finding]:
    """Each variable that the entry refers to is set where the host looks for it."""
    if server.spec is None or server.off:
        return
    needed = [
        reference.name
        for reference in server.spec.references
        if reference.kind in ("env", "secret") and reference.default is None
    ]
    for name in dict.fromkeys(name for name in needed if not sight.machine.variable(name)):
        yield Finding(
            "reference-unresolved",
            "warning",
            f"{server.host.title} finds no {printable(name)}, which {named(server)} refers to",
            entry(server),
            "it is not set here; a host started elsewhere (a dock, another shell) may have another environment",
            f"set {printable(name)} where {server.host.title} is started from, or write the value into the entry",
        )


def references_are_this_hosts(sight: Sight, server: Server) -> Iterator[Finding]:
    """No text holds a reference in the spelling of another host, which this one takes literally."""
    if server.spec is None or server.off:
        return
    seen: list[tuple[str, str]] = []

    def look(field: str, text: str) -> str:
        if not isinstance(text, Template) and field != "args":
            seen.extend((field, form) for pattern, form in FOREIGN if pattern.search(text))
        return text

    server.spec.mapped(look)
    for field, form in seen[:1]:
        yield Finding(
            "reference-foreign",
            "warning",
            f"{server.host.title} takes {form} in the {field} of {named(server)} as it stands",
            entry(server),
            f"{server.host.title} does not replace that form there",
            "write the reference in this host's own form: connect-mcp configure takes --secrets reference",
        )


def secrets_are_in_the_store(sight: Sight, server: Server) -> Iterator[Finding]:
    """What `connect-mcp run` would take from our store is in it."""
    spec = server.spec
    if spec is None or server.off:
        return
    names = needs(spec) if "--profile" in spec.args else unwrapped(spec)[1]
    for name in names.values():
        if name not in sight.secrets:
            yield Finding(
                "secret-missing",
                "error",
                f"{server.host.title} cannot start {named(server)}: the secret {printable(name)} is not stored here",
                entry(server),
                "its command takes it from the store of connect-mcp",
                f"connect-mcp secret set {printable(name)}",
                ("connect-mcp", "secret", "set", name),
            )


def the_api_key_is_there(sight: Sight, server: Server) -> Iterator[Finding]:
    """The bundled server has a key, or its embedded workspace."""
    spec = server.spec
    if spec is None or server.off or not is_bundled(spec) or {"--embedded", "--profile"} & set(spec.args):
        return
    if server.env.get(KEY_VARIABLE) or KEY_VARIABLE in spec.env or KEY_VARIABLE in sight.secrets:
        return
    here = bool(sight.machine.variable(KEY_VARIABLE))
    yield Finding(
        "key-missing",
        "error",
        f"every call of {named(server)} in {server.host.title} will fail: it gets no {KEY_VARIABLE}",
        entry(server),
        f"{KEY_VARIABLE} is set here, and {server.host.title} does not pass it on"
        if here
        else f"{KEY_VARIABLE} is neither in the entry, nor in the environment, nor stored",
        f"connect-mcp secret set {KEY_VARIABLE}",
        ("connect-mcp", "secret", "set", KEY_VARIABLE),
    )


def the_base_url_is_there(sight: Sight, server: Server) -> Iterator[Finding]:
    """The bundled server knows where the API is, or has its embedded workspace."""
    spec = server.spec
    if spec is None or server.off or not is_bundled(spec) or {"--embedded", "--profile"} & set(spec.args):
        return
    if not server.env.get(URL_VARIABLE) and URL_VARIABLE not in spec.env and URL_VARIABLE not in sight.secrets:
        words = ours(server, "configure", "--env", f"{URL_VARIABLE}={USUAL_URL}")
        yield Finding(
            "base-url-missing",
            "error",
            f"every call of {named(server)} in {server.host.title} will fail: it gets no {URL_VARIABLE}",
            entry(server),
            f"{URL_VARIABLE} is neither in the entry, nor in the environment that it gets, nor stored",
            shown(words, server),
            words,
        )


def the_api_key_looks_like_one(sight: Sight, server: Server) -> Iterator[Finding]:
    """The key has the form of a key, and stands where a key belongs."""
    spec = server.spec
    if spec is None or server.off or spec.is_remote:
        return
    key = server.env.get(KEY_VARIABLE)
    if _is_connect(spec) and key and not _KEY.fullmatch(key) and not isinstance(spec.env.get(KEY_VARIABLE), Template):
        why = "it has blanks or quotes around it" if key.strip(" \t\r\n'\"") != key else "keys begin with arc_live_"
        yield Finding(
            "key-malformed",
            "error",
            f"the {KEY_VARIABLE} of {named(server)} is not an API key of Connect",
            entry(server),
            why,
            "copy the key again from your workspace's admin page, and store it: connect-mcp secret set " + KEY_VARIABLE,
        )
    places = [name for name, value in spec.env.items() if name != KEY_VARIABLE and _KEY_ANYWHERE.search(value)]
    places += ["the arguments"] if any(_KEY_ANYWHERE.search(text) for text in spec.args) else []
    for name in places:
        yield Finding(
            "key-misplaced",
            "error" if _is_connect(spec) else "warning",
            f"an API key of Connect stands in {printable(name)} of {named(server)}",
            entry(server),
            f"a server of Connect reads it from {KEY_VARIABLE} alone, and others have no use for it",
            f"take it out there, and store it: connect-mcp secret set {KEY_VARIABLE}",
        )


def the_base_url_is_whole(sight: Sight, server: Server) -> Iterator[Finding]:
    """The API's base URL ends where the API begins."""
    spec = server.spec
    url = server.env.get(URL_VARIABLE)
    if spec is None or server.off or not url or not _is_connect(spec):
        return
    if not url.rstrip("/").endswith(SUFFIX):
        right = url.rstrip("/") + SUFFIX
        words = ours(server, "configure", "--env", f"{URL_VARIABLE}={right}", *_rest(server))
        yield Finding(
            "base-url-short",
            "error",
            f"every call of {named(server)} will fail: {URL_VARIABLE} does not end in {SUFFIX}",
            entry(server),
            "without it the API answers 404",
            *offered(words, server, f"add {SUFFIX} to it"),
        )
    elif url.startswith("http://") and not re.match(r"http://(localhost|127\.|\[::1\])", url):
        yield Finding(
            "base-url-clear",
            "warning",
            f"{named(server)} would send its key in clear: {URL_VARIABLE} begins with http://",
            entry(server),
            "the server refuses such an address unless CONNECT_MCP_ALLOW_HTTP is 1",
            "use https://",
        )


def _rest(server: Server) -> tuple[str, ...]:
    spec = server.spec
    assert spec is not None
    if is_bundled(spec):
        return ("--embedded",) if "--embedded" in spec.args else ()
    return ("--", spec.command, *spec.args)


def path_is_a_path(sight: Sight, server: Server) -> Iterator[Finding]:
    """A PATH in the entry is not written as a shell would fill it in."""
    spec = server.spec
    if spec is None or spec.is_remote or server.off:
        return
    path = next((value for name, value in spec.env.items() if name.upper() == "PATH"), "")
    if not isinstance(path, Template) and re.search(r"\$PATH|\$\{PATH\}|%PATH%|\$HOME|(^|[:;])~", path, re.IGNORECASE):
        yield Finding(
            "path-unfilled",
            "error",
            f"the PATH that {named(server)} gets is not one: nothing fills in what stands for other folders",
            entry(server),
            f"{server.host.title} hands it on as it is written",
            "write the folders out, or take PATH out of the entry",
        )


def literal_secrets(value: Value, name: str = "") -> Iterator[str]:
    """The keys under which an entry holds a secret as it is, not as a reference."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            yield from literal_secrets(inner, str(key))
    elif isinstance(value, str) and name and looks_secret(name) and value and not re.search(r"[$%]|\{env:", value):
        yield name
