import json
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from connect_mcp.base.errors import Misuse, Refused
from connect_mcp.installer import web
from connect_mcp.installer.info import info, understood
from connect_mcp.installer.web import checked, doubts, page, secret_query
from support.web_server import Asked, Said, web_server


@pytest.mark.parametrize(
    "url", ["https://x.example/mcp", "http://127.0.0.1:8000/mcp", "https://x.example:8443/a?b=c", "http://[::1]:80/"]
)
def test_an_address_of_a_server_is_taken(url: str) -> None:
    assert checked(url).geturl() == url


@pytest.mark.parametrize(
    "url",
    [
        "x.example/mcp",
        "ftp://x.example/mcp",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "https://",
        "https:///mcp",
        "https://x.example:99999/",
        "https://x.example:0/",
        "https://x.example/a b",
        "https://x.example/\x1b[31m",
        "https://x.example\\@y.example/",
        "https://x.example/mcp#top",
        "https://[::1/",
        "",
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(Misuse) as caught:
        checked(url)
    assert "\x1b" not in str(caught.value)


def test_a_password_in_an_address_is_refused_unless_it_is_forced_and_never_shown() -> None:
    with pytest.raises(Refused) as caught:
        checked("https://me:hunter2hunter2@x.example/")
    assert "hunter2" not in str(caught.value)
    assert secret_query(checked("https://me:hunter2hunter2@x.example/", force=True)) == {"hunter2hunter2"}


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://x.example/mcp", ["http://x.example is not encrypted"]),
        ("http://localhost:1/", []),
        ("http://127.1.2.3/", []),
        ("https://x.example/?api_key=abc", ["a secret stands in the URL"]),
        ("https://x.example/?page=abc", []),
    ],
)
def test_what_a_person_should_know_of_an_address_is_said(url: str, said: list[str]) -> None:
    found = doubts(urlsplit(url))
    assert [sentence.startswith(start) for sentence, start in zip(found, said, strict=True)] == [True] * len(said)


def test_a_page_is_read_through_redirects_on_the_same_server() -> None:
    def answer(asked: Asked) -> Said:
        return Said(302, headers={"Location": "/there/"}) if asked.path == "/here" else Said(200, b"[1]")

    with web_server(answer) as server:
        assert page(f"{server.url}/here") == b"[1]"
        assert [asked.path for asked in server.asked] == ["/here", "/there/"]


def test_a_redirect_to_another_server_is_not_followed() -> None:
    with (
        web_server(lambda asked: Said(200, b"{}")) as other,
        web_server(lambda asked: Said(302, headers={"Location": f"{other.url}/x?token=hunter2hunter2"})) as server,
    ):
        with pytest.raises(Refused) as caught:
            page(server.url)
        assert other.asked == []
    assert "that is another server than the one that was named" in caught.value.why
    assert "hunter2" not in str(caught.value)


def drops() -> Iterator[bytes]:
    for _ in range(100):
        yield b" "
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("said", "what"),
    [
        (Said(404, b"no"), "answered 404"),
        (Said(302, headers={"Location": "/"}), "from one address to the next without end"),
        (Said(200, b" " * (web.PAGE_BYTES + 1)), "answered more than 1024 KB"),
        (Said(200, b"x", {"Content-Encoding": "gzip"}), "sent a compressed answer"),
        (Said(200, drops()), "did not finish its answer in time"),
    ],
)
def test_a_page_is_bounded_in_every_way(monkeypatch: pytest.MonkeyPatch, said: Said, what: str) -> None:
    monkeypatch.setattr(web, "PAGE_SECONDS", 0.3)
    with web_server(lambda asked: said) as server, pytest.raises(Refused, match=what):
        page(server.url)


def test_a_server_that_is_not_there_is_no_bug() -> None:
    with pytest.raises(Refused, match="could not be reached"):
        page("http://127.0.0.1:9/")


CONNECTOR = {
    "url": "/mcp/",
    "server_name": "samreshuuu-coworker",
    "protocol_version": "2025-06-18",
    "scopes": ["read:tools", "write:tools"],
    "example_config": {
        "mcpServers": {"coworker": {"url": "https://evil.example/", "headers": {"Authorization": "Bearer sk-org-x"}}}
    },
}


def test_an_info_page_says_where_its_server_is() -> None:
    with web_server(lambda asked: Said(200, json.dumps(CONNECTOR).encode())) as server:
        found = info(f"{server.url}/api/v1/mcp/info")
        assert [(asked.method, asked.path) for asked in server.asked] == [("GET", "/api/v1/mcp/info")]
        assert "authorization" not in server.asked[0].headers
    assert (found.url, found.transport, found.name) == (f"{server.url}/mcp/", "http", "samreshuuu-coworker")
    assert (found.headers, found.elsewhere) == (("Authorization",), False)
    assert "  protocol version: 2025-06-18" in found.about
    assert "  scopes: read:tools, write:tools" in found.about
    assert "sk-org" not in "".join(found.about)


ADDRESS = "https://x.example/info"


@pytest.mark.parametrize(
    ("said", "url", "elsewhere"),
    [
        ({"mcpUrl": "https://x.example/mcp"}, "https://x.example/mcp", False),
        ({"ENDPOINT": "https://x.example/mcp"}, "https://x.example/mcp", False),
        ({"config": {"mcpServers": {"a": {"url": "https://x.example/mcp"}}}}, "https://x.example/mcp", False),
        ({"example": {"servers": {"a": {"command": "sh"}, "b": {"url": "/b"}}}}, "https://x.example/b", False),
        ({"url": "https://y.example/mcp"}, "https://y.example/mcp", True),
        ({"url": "http://x.example/mcp"}, "http://x.example/mcp", True),
    ],
)
def test_its_keys_are_found_however_they_are_spelled(said: object, url: str, elsewhere: bool) -> None:
    found = understood(json.dumps(said).encode(), ADDRESS)
    assert (found.url, found.elsewhere) == (url, elsewhere)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"<html>", "this is not JSON"),
        (b"\xff\xfe", "this is not JSON"),
        (b"[" * 100_000, "this is not JSON"),
        (b"[]", "this is not an object"),
        (b"{}", "it does not say where the server is"),
        (b'{"config": {"mcpServers": {"a": {"command": "sh", "args": ["-c", "x"]}}}}', "it does not say where"),
        (b'{"url": "file:///etc/passwd"}', "is not a URL of a server"),
        (b'{"url": "https://me:secretsecret@x.example/"}', "a user name or password stands in the URL"),
    ],
)
def test_a_page_that_is_none_is_refused(content: bytes, what: str) -> None:
    with pytest.raises(Refused) as caught:
        understood(content, ADDRESS)
    assert what in caught.value.what


def test_what_a_page_says_cannot_draw_on_the_terminal_nor_name_an_entry_at_will() -> None:
    hostile = {"url": "https://x.example/", "name": "a\x1b[2J\n", "scopes": ["\u202ex"] * 1000, "protocolVersion": 7}
    found = understood(json.dumps(hostile).encode(), ADDRESS)
    assert found.name == ""
    assert all(line.isprintable() for line in found.about)
    assert len("".join(found.about)) < 1000
