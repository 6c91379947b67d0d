"""The HTML page of real runs, in a real browser."""

from pathlib import Path
from typing import Literal

import pytest

from connect_mcp.conformance.commands import main
from support.browser import Browser, browser
from support.servers import server
from support.subjects import reference

LOOK = """async (page) => {
  const details = page.locator("details");
  const toggled = [];
  for (const one of await details.all()) {
    const exchange = one.locator("pre, li").first();
    const states = [await one.evaluate((it) => it.open), await exchange.isVisible()];
    await one.locator("summary").first().click();
    toggled.push([...states, await one.evaluate((it) => it.open), await exchange.isVisible()]);
  }
  for (const one of await details.all()) {
    if (!(await one.evaluate((it) => it.open))) await one.locator("summary").first().click();
  }
  return {
    toggled,
    exchanges: await page.locator("details pre").allInnerTexts(),
    rows: await page.locator("table").last().locator("tbody tr").allInnerTexts(),
    hosts: await page.locator("table.hosts tbody tr").allInnerTexts(),
    images: await page.locator("img, script, iframe, object, link").count(),
    overflows: await page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth),
  };
}"""
MARKUP = "<img src=https://example.com/x onerror=alert(1)><script>alert(1)</script>"


@pytest.fixture(scope="module")
def chromium() -> Browser:
    return browser()


@pytest.mark.parametrize(("scheme", "background"), [("light", "rgb(255, 255, 255)"), ("dark", "rgb(13, 17, 23)")])
def test_the_page_shows_the_matrix_and_each_failure_and_asks_for_nothing(
    scheme: Literal["light", "dark"], background: str, chromium: Browser, tmp_path: Path
) -> None:
    page = tmp_path / "a page.html"
    argv = ["run", "--only", "PING-*", "PARSE-*", "--strict", "--profile", "codex", "claude", "--html", str(page)]
    assert main([*argv, "--", *reference("PING-EMPTY")]) == 1
    facts = chromium.page(page, scheme, look=LOOK)
    assert facts.background == background
    assert facts.requests == [page.as_uri()]
    assert facts.console == []
    assert facts.errors == []
    assert facts.text.startswith("MCP conformance")
    found = facts.found
    assert [row.split("\t")[1:] for row in found["rows"] if row.startswith("PING-EMPTY")] == [["✗ failed", ""]]
    assert len(found["rows"]) == 5
    assert [row.split("\t")[1] for row in found["hosts"]] == ["works", "works"]
    assert any('< {"jsonrpc": "2.0", "id": 2, "result": {"ok": true}}' in text for text in found["exchanges"])
    for was_open, was_seen, is_open, is_seen in found["toggled"]:
        assert was_seen is was_open
        assert is_seen is is_open is not was_open
    assert {was_open for was_open, *_ in found["toggled"]} == {True, False}, "failures are open, evidence is not"
    assert found["overflows"] is False


def test_markup_of_a_server_is_text(chromium: Browser, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    faults = f"say({MARKUP!r})\nsys.stderr.write({MARKUP!r})\nTOOLS.append(tool({MARKUP!r}))"
    argv = ["run", "--only", "STDOUT-PURE", "INIT-*", "--profile", "cline", "--html", str(page)]
    assert main([*argv, "--", *server(tmp_path, faults), MARKUP]) == 1
    facts = chromium.page(page, look=LOOK)
    assert facts.requests == [page.as_uri()]
    assert facts.console == []
    assert facts.errors == []
    assert facts.text.count(MARKUP) >= 2
    assert f"< {MARKUP}" in "\n".join(facts.found["exchanges"])
    assert facts.found["images"] == 0
