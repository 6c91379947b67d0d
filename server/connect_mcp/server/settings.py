"""Which API this server talks to, and with which key.

Without a profile, each of the two settings comes from the environment, and otherwise from the store of secrets. A
profile that is named is used as it stands, whatever the environment says: somebody with two tenants must not write to
one with the other's key. For the same reason a stored key goes to no other API than the stored one, where there is one:
a project's config can name another address, and must not be sent the key.
"""

import difflib
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from connect_mcp.base.errors import Refused
from connect_mcp.base.secrets import Store, qualified, set_line
from connect_mcp.server.results import Failure

BASE_URL = "ARYTHMATIC_API_BASE_URL"
API_KEY = "ARYTHMATIC_API_KEY"
API_SUFFIX = "/api/v1"
ALLOW_HTTP = "CONNECT_MCP_ALLOW_HTTP"
"""Set to 1 where the way to an API without TLS is trusted, for instance between containers."""

KEY_PAGE = "https://<tenant>.connect.arythmatic.cloud/w/<workspace>/admin/api-keys"

_EMBEDDED_HINT = (
    "To try the tools without an account, `connect-mcp configure <host> --embedded` uses the embedded workspace."
)


@dataclass(frozen=True)
class Settings:
    """Where the API is, and the key for it, which is never shown.

    Attributes:
        base_url: an absolute http or https URL without a trailing slash; `/api/v1` belongs to it.
        key: printable ASCII without spaces.
    """

    base_url: str
    key: str = field(repr=False)


def stored_settings(environ: Mapping[str, str], store: Store, profile: str | None = None) -> Settings:
    """The settings in `environ` and the store, or those of a profile in the store.

    A keychain that the store refers to is waited for, for ten seconds at most.

    Raises:
        Failure: UNAUTHENTICATED where one is missing or cannot be one; the hint says what mends it.
    """
    try:
        if profile is not None:
            return _of_profile(environ, store, profile)
        base_url, key = environ.get(BASE_URL, "").strip(), environ.get(API_KEY, "").strip()
        if not key:
            key, stored_url = store.value(API_KEY) or "", store.value(BASE_URL)
            if key and stored_url and base_url.rstrip("/") not in ("", stored_url.rstrip("/")):
                raise Failure(
                    "UNAUTHENTICATED",
                    f"The stored key belongs to another API than the one that {BASE_URL} names in the environment.",
                    hint=f"Take {BASE_URL} out of this server's entry, or keep a key for it: "
                    f"`{set_line(f'NAME/{API_KEY}')}` and `serve --profile NAME`.",
                )
            base_url = base_url or stored_url or ""
        elif not base_url:
            base_url = store.value(BASE_URL) or ""
    except Refused as refusal:  # without its place: paths of this machine are nothing for a model
        hint = refusal.why if refusal.place is None else "`connect-mcp secret list` says which file, and what mends it."
        raise Failure("UNAUTHENTICATED", f"{refusal.what[:1].upper()}{refusal.what[1:]}.", hint=hint) from None
    return read_settings({**environ, BASE_URL: base_url, API_KEY: key})


def _of_profile(environ: Mapping[str, str], store: Store, profile: str) -> Settings:
    names = {variable: qualified(variable, profile) for variable in (BASE_URL, API_KEY)}
    values = {variable: store.value(name) or "" for variable, name in names.items()}
    missing = [variable for variable in values if not values[variable]]
    if missing:
        lines = " and ".join(f"`{set_line(names[variable])}`" for variable in missing)
        raise Failure(
            "UNAUTHENTICATED",
            f"The profile {profile} has no {' and no '.join(missing)}.",
            hint=f"Run {lines} in a terminal; no restart is needed.{_meant(store, profile)}",
        )
    try:
        return read_settings({ALLOW_HTTP: environ.get(ALLOW_HTTP, ""), **values})
    except Failure as failure:
        lines = " or ".join(f"`{set_line(name)}`" for name in names.values())
        problem = f"The profile {profile} cannot be used: {failure.message}"
        raise Failure("UNAUTHENTICATED", problem, hint=f"Set it again with {lines}.") from None


def _meant(store: Store, profile: str) -> str:
    """Which profile was meant where there is none of that name."""
    known = sorted({name.rpartition("/")[0] for name in store.kept() if "/" in name})
    if profile in known:
        return ""
    nearest = difflib.get_close_matches(profile, known, n=1)
    return f" Is the profile {nearest[0]} meant?" if nearest else ""


def read_settings(environ: Mapping[str, str]) -> Settings:
    """The settings in `environ`.

    Raises:
        Failure: UNAUTHENTICATED where one is missing or cannot be one; the hint says what mends it.
    """
    base_url, key = environ.get(BASE_URL, "").strip().rstrip("/"), environ.get(API_KEY, "").strip()
    missing = [name for name, value in ((BASE_URL, base_url), (API_KEY, key)) if not value]
    if missing:
        raise Failure(
            "UNAUTHENTICATED", f"This server has no {' and no '.join(missing)}.", hint=_hint(missing, missing=True)
        )
    if not _is_api_url(base_url):
        raise Failure(
            "UNAUTHENTICATED",
            f"{BASE_URL} is not the URL of an API: https, a host and a path, without user name, query or fragment.",
            hint=_hint([BASE_URL]),
        )
    if base_url.startswith("http:") and not is_local(base_url) and environ.get(ALLOW_HTTP, "").strip() != "1":
        raise Failure(
            "UNAUTHENTICATED",
            f"{BASE_URL} begins with http:, so that everybody on the way could read the API key.",
            hint=f"Write https: instead; where the way is trusted, set {ALLOW_HTTP}=1 as well.",
        )
    if not (key.isascii() and key.isprintable() and " " not in key):
        raise Failure(
            "UNAUTHENTICATED",
            f"{API_KEY} holds a character that no key has: a space or line break?",
            hint=_hint([API_KEY]),
        )
    return Settings(base_url, key)


def _hint(names: list[str], *, missing: bool = False) -> str:
    lines = " and ".join(f"`{set_line(name)}`" for name in names)
    if missing:
        where = f"Run {lines} in a terminal, without a restart, or set it in the env of this server's entry."
    else:
        where = f"Mend it where it was set: in the env of this server's entry, or with {lines}."
    example = f" {BASE_URL} is such as https://api.connect.arythmatic.cloud{API_SUFFIX}." if BASE_URL in names else ""
    return f"{where}{example} A key is made, and shown once, at {KEY_PAGE}. {_EMBEDDED_HINT}"


def is_local(base_url: str) -> bool:
    """Whether the API runs on this machine, so that nothing that is sent leaves it."""
    host = urlsplit(base_url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_api_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return False
    plain = text.isascii() and text.isprintable() and not set(text) & set(" ?#@\\")
    return plain and parts.scheme in ("http", "https") and bool(parts.hostname)
