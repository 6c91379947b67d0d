"""The API behind the bundled server: is it there, does it know the key, and is it the API at all."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from connect_mcp.base.text import printable

from .model import Finding

PATIENCE = 10.0
"""Seconds to wait for an answer."""
SKEW = 300.0
"""Seconds that the clocks may differ before tokens and certificates begin to fail."""
PROBE = "/auth/me/"
"""The cheapest request that needs a key (connect-rest-api.md: get_current_user)."""


def api_answers(base_url: str, key: str, where: str, *, transport: Any = None) -> Iterator[Finding]:
    """Ask the API who the key belongs to, and say what keeps that from working.

    Args:
        base_url: as the server has it.
        key: the API key; in no finding.
        where: the entry, for people.
        transport: another way to the network, for tests that have no network; None for the usual one.
    """
    import httpx2

    host = _host(base_url)
    headers = {"Authorization": f"Bearer {key}", "Accept": "application/json"}
    try:
        with httpx2.Client(timeout=PATIENCE, follow_redirects=False, transport=transport) as client:
            answer = client.get(base_url.rstrip("/") + PROBE, headers=headers)
    except httpx2.ProxyError as error:
        yield _finding(
            "api-proxy", where, "the proxy does not let the API through", error, "look at HTTPS_PROXY and NO_PROXY"
        )
    except httpx2.ConnectTimeout as error:
        yield _finding(
            "api-timeout", where, f"{host} does not answer", error, "look at your network, a VPN and firewalls"
        )
    except httpx2.TimeoutException as error:
        yield _finding("api-timeout", where, f"{host} takes the request and does not answer", error, "try again later")
    except httpx2.TransportError as error:
        yield _unreachable(host, where, error)
    except (httpx2.InvalidURL, ValueError) as error:
        yield _finding("api-url", where, "the base URL is not one", error, "correct ARYTHMATIC_API_BASE_URL")
    else:
        yield from _judged(answer, where)


def _host(url: str) -> str:
    try:
        return printable(urlsplit(url).hostname or "")
    except ValueError:
        return ""


def _unreachable(host: str, where: str, error: Exception) -> Finding:
    chain, texts = error, []
    while chain is not None:
        texts.append(f"{type(chain).__name__} {chain}".lower())
        chain = chain.__cause__ or chain.__context__  # type: ignore[assignment]
    said = " ".join(texts)
    if "certificate" in said or "ssl" in said:
        mend = "where a proxy opens TLS, name its certificate in SSL_CERT_FILE; otherwise look at this machine's clock"
        return _finding("api-tls", where, f"the certificate of {host} is not accepted", error, mend)
    if "gaierror" in said or "name or service" in said or "nodename" in said or "resolution" in said:
        return _finding(
            "api-dns", where, f"no address is known for {host}", error, "look for a typing error, and at your network"
        )
    if "refused" in said:
        return _finding("api-refused", where, f"nothing listens at {host}", error, "look at the address and its port")
    return _finding(
        "api-unreachable", where, f"{host} cannot be reached", error, "look at your network, a VPN and firewalls"
    )


def _judged(answer: Any, where: str) -> Iterator[Finding]:
    status, kind = answer.status_code, answer.headers.get("content-type", "")
    if "html" in kind and status != 404:
        what = "a web page answers in the API's place"
        yield _finding(
            "api-page",
            where,
            what,
            f"status {status}",
            "sign in to the network (a captive portal?), or correct the URL",
        )
    elif status == 401:
        what = "the API does not take the key: it is wrong, revoked or expired"
        yield _finding(
            "api-key", where, what, "status 401", "make a new key on your workspace's admin page, and store it"
        )
    elif status == 403:
        what = "the key's owner lacks the scope for this"
        yield _finding(
            "api-scope", where, what, f"status 403: {_detail(answer)}", "have an admin grant it, or use another key"
        )
    elif status == 404:
        yield _finding("api-missing", where, "there is no API at the base URL", "status 404", "it must end in /api/v1")
    elif status == 429:
        wait = printable(answer.headers.get("retry-after", "a while"))
        yield _finding("api-busy", where, "the API takes no more requests for now", "status 429", f"wait {wait} s")
    elif status >= 500:
        yield _finding("api-failing", where, "the API itself fails", f"status {status}", "try again later")
    elif not 200 <= status < 300:
        yield _finding(
            "api-odd", where, "the API answers what nobody expects", f"status {status}", "correct the base URL"
        )
    yield from _clock(answer, where)


def _clock(answer: Any, where: str) -> Iterator[Finding]:
    import time
    from email.utils import parsedate_to_datetime

    try:
        apart = time.time() - parsedate_to_datetime(answer.headers["date"]).timestamp()
    except (KeyError, ValueError, TypeError):
        return
    if abs(apart) > SKEW:
        side = "ahead" if apart > 0 else "behind"
        what = f"this machine's clock is {abs(apart) / 60:.0f} minutes {side} of the API's"
        yield _finding("clock-wrong", where, what, "certificates and tokens depend on it", "set the clock")


def _detail(answer: Any) -> str:
    try:
        detail = answer.json().get("detail", "")
    except (ValueError, AttributeError):
        return ""
    return printable(str(detail))[:200]


def _finding(identity: str, where: str, what: str, why: object, mend: str) -> Finding:
    reason = printable(str(why) or type(why).__name__)[:300]
    return Finding(identity, "error", what, where, reason, mend)
