"""Which API this server talks to, and with which key."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

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


def read_settings(environ: Mapping[str, str]) -> Settings:
    """The settings in `environ`.

    Raises:
        Failure: UNAUTHENTICATED where one is missing or cannot be one; the hint says what mends it.
    """
    base_url, key = environ.get(BASE_URL, "").strip().rstrip("/"), environ.get(API_KEY, "").strip()
    missing = [name for name, value in ((BASE_URL, base_url), (API_KEY, key)) if not value]
    if missing:
        raise Failure("UNAUTHENTICATED", f"This server has no {' and no '.join(missing)}.", hint=_hint(missing))
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
            "UNAUTHENTICATED", f"{API_KEY} holds a character that no key has: a space or line break?", hint=_hint([])
        )
    return Settings(base_url, key)


def _hint(names: list[str]) -> str:
    example = f" {BASE_URL} is such as https://api.connect.arythmatic.cloud{API_SUFFIX}." if BASE_URL in names else ""
    return (
        "Set it in the env of this server's entry in the host's config, then restart the host."
        f"{example} A key is made, and shown once, at {KEY_PAGE}. {_EMBEDDED_HINT}"
    )


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
