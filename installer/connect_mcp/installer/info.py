"""What a server's public info endpoint says of it: its URL, its name, the revision it speaks, and an example config.

There is no standard for such a page; what is known of one is in the documentation of Arythmatic's remote connector
(`GET /api/v1/mcp/info`). So a key is found however it is spelled, and everything it says is data: it is shown and
checked, and no more of it is used than the address, the name and the names of headers.
"""

import json
from collections.abc import Iterator, Mapping
from urllib.parse import urljoin, urlsplit

from connect_mcp.base.errors import Place, Refused
from connect_mcp.base.record import record
from connect_mcp.base.text import printable, shortened

from .spec import Transport
from .web import checked, origin, page, shown

_URLS = ("url", "mcpurl", "serverurl", "endpoint", "mcpendpoint")
_NAMES = ("name", "servername")
_REVISIONS = ("protocolversion", "mcpprotocolversion")
_SCOPES = ("scopes", "supportedscopes")
_EXAMPLES = ("exampleconfig", "clientconfig", "config", "example")
_LISTED = 20


@record
class Info:
    """What the page said, checked.

    Attributes:
        url: where the server is, absolute.
        transport: how it is spoken to.
        name: what it calls itself, as a name for an entry; "" where it does not say.
        headers: the names of the headers that its example config has.
        about: what it said, as lines for people; safe to print.
        elsewhere: whether the server is on another host than the page.
    """

    url: str
    transport: Transport
    name: str
    headers: tuple[str, ...]
    about: tuple[str, ...]
    elsewhere: bool


def info(address: str) -> Info:
    """Ask an info endpoint, which a person has named.

    Raises:
        Misuse: where the address is no URL.
        Refused: where it cannot be read, or says nothing that can be used.
    """
    checked(address)
    return understood(page(address), address)


def understood(content: bytes, address: str) -> Info:
    """What a page says.

    Raises:
        Refused: where it is not what such a page holds.
    """
    place = Place(shown(address))
    try:
        said = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise Refused("this is not JSON, so it is not a server's info page", place=place) from None
    if not isinstance(said, Mapping):
        raise Refused("this is not an object, so it is not a server's info page", place=place)
    example = _entry(_found(said, _EXAMPLES))
    url = _found(said, _URLS) or example.get("url")
    if not isinstance(url, str) or not url.strip():
        raise Refused("it does not say where the server is", place=place, mend="name it yourself: --url URL")
    url = urljoin(address, url.strip())
    checked(url)
    headers = example.get("headers")
    named = tuple(name for name in headers if isinstance(name, str)) if isinstance(headers, Mapping) else ()
    name, revision, scopes = _text(_found(said, _NAMES)), _text(_found(said, _REVISIONS)), _found(said, _SCOPES)
    about = [f"{shown(address)} says of itself:", f"  url: {shown(url)}"]
    about += [f"  name: {_brief(name)}"] if name else []
    about += [f"  protocol version: {_brief(revision)}"] if revision else []
    if isinstance(scopes, list) and scopes:
        about.append(f"  scopes: {_brief(', '.join(_text(scope) for scope in scopes[:_LISTED]))}")
    about += [f"  headers in its example: {_brief(', '.join(named[:_LISTED]))}"] if named else []
    return Info(
        url=url,
        transport="sse" if example.get("type") == "sse" or example.get("transport") == "sse" else "http",
        name=name if name.isprintable() and len(name) <= 64 else "",
        headers=named,
        about=tuple(about),
        elsewhere=origin(url)[1:2] != origin(address)[1:2] or urlsplit(url).scheme != urlsplit(address).scheme,
    )


def _found(said: Mapping[str, object], keys: tuple[str, ...]) -> object:
    """The member whose key is one of `keys`, however it is spelled; the first of them wins."""
    spelled = {str(key).lower().replace("_", "").replace("-", ""): value for key, value in said.items()}
    return next((spelled[key] for key in keys if spelled.get(key) is not None), None)


def _entry(example: object) -> Mapping[str, object]:
    """The server in an example config: the first entry under `mcpServers` or the like, or the example itself."""
    for value in _inside(example):
        if "url" in value:
            return value
    return {}


def _inside(value: object) -> Iterator[Mapping[str, object]]:
    """The objects in an example, three levels deep at most: deeper lies no entry."""
    level = [value]
    for _ in range(3):
        maps = [one for one in level if isinstance(one, Mapping)]
        yield from maps
        level = [inner for one in maps for inner in list(one.values())[:_LISTED]]


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""


def _brief(text: str) -> str:
    return printable(shortened(text, 200))
