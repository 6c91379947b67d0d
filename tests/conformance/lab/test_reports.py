import argparse
import base64
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from connect_mcp.base.errors import Refused
from connect_mcp.base.record import replace
from connect_mcp.conformance.lab import diff
from connect_mcp.conformance.lab.reports import html, markdown, text
from connect_mcp.conformance.lab.reports.shown import ABOUT, alike, headline, listing
from connect_mcp.conformance.lab.reports.writing import write
from connect_mcp.conformance.lab.results import Cell, Column, Matrix, as_data, safe, unkept
from support.browser import browser
from support.cli import shape
from support.markdown import parted

HOSTILE = (
    "</pre></script><script>alert(1)</script><img src=x onerror=alert(1)> ```` ]]> | [x](http://e) **b** @me &amp; \"'"
)
# One red dot, so that a browser has a picture to show.
DOT = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg=="
)
HOSTS = tuple(
    Column(identity, title, version, False)
    for identity, title, version in (
        ("codex", "OpenAI Codex", "0.169.0"),
        ("claude-code", "Claude Code", "2.1.197"),
        ("opencode", "opencode", "1.18.33"),
        ("gemini-cli", "Gemini CLI", "0.61.0"),
        ("copilot-cli", "GitHub Copilot CLI", "1.0.102"),
        ("continue", "Continue", "1.5.47"),
        ("cline", "Cline", "3.0.65"),
        ("qwen-code", "Qwen Code", ""),
        ("vscode", "VS Code", "1.139.1"),
    )
)
SCENARIOS = (
    ("handshake", "The server is started, and its tools are offered to the model"),
    ("call", "A call, and its result back at the model"),
    ("is-error", "A call that fails, with isError in its result"),
    ("rpc-error", "A call that is answered with a JSON-RPC error"),
    ("two-calls", "Two calls, one after the other"),
    ("slow-start", "A server that is ready after 5 s"),
    ("slow-tool", "A call that takes 5 s"),
    ("paging", "One tool on each page of the list"),
    ("list-changed", "A tool that is added while the host runs"),
    ("unicode", "Texts and descriptions in many scripts"),
    ("big-result", "A result of 1 MB"),
    ("shutdown", "The server ends with the host"),
    ("text-on-standard-output", "A line of text on standard output before the first answer"),
)


def cell(host: Column, scenario: str) -> Cell:
    """Qwen Code is not there; one tool is missing; Codex and Cline fail, the latter twice for the same reason."""
    if host.id == "qwen-code":
        line = "connect-mcp lab install qwen-code"
        return Cell(host.id, scenario, "not driven", "Qwen Code is not installed", (line,))
    if scenario == "rpc-error":
        return Cell(host.id, scenario, "not applicable", "no tool of this server answers with an error")
    if (host.id, scenario) == ("codex", "slow-start"):
        sentence = "Codex 0.169.0 would start without this server's tools: ready after 5.0 s, it asked after 1.1 s"
        lines = (f"stderr: {HOSTILE}", *(f"line {number}" for number in range(20)))
        return Cell(host.id, scenario, "fail", sentence, lines, 5.02, 3.1, "kept/codex/slow-start")
    if host.id == "cline" and scenario in ("text-on-standard-output", "paging"):
        return Cell(host.id, scenario, "fail", f"Cline 3.0.65 would drop this server {HOSTILE}", ("seen",), None, 9.0)
    return Cell(host.id, scenario, "pass", f"{host.title} called echo and saw its result", ("ready",), 0.31, 4.2)


MATRIX = Matrix(
    f"python server.py {HOSTILE}",
    "2026-11-21",
    HOSTS,
    SCENARIOS,
    tuple(cell(host, scenario) for host in HOSTS for scenario, _ in SCENARIOS),
    733.2,
    True,
)
GOOD = replace(
    MATRIX,
    hosts=HOSTS[:2],
    scenarios=SCENARIOS[:2],
    cells=tuple(cell(host, scenario) for host in HOSTS[:2] for scenario, _ in SCENARIOS[:2]),
)


class Page(HTMLParser):
    """The tags, links and texts of a page; every tag that is opened is closed."""

    VOID = ("meta", "br", "img")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: dict[str, list[str]] = {}
        self.open: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            self.attributes.setdefault(name, []).append(value or "")
        self.open += [] if tag in self.VOID else [tag]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def with_pictures(*paths: Path) -> Matrix:
    """VS Code's call, with pictures of it."""
    shown = tuple(map(str, paths))
    cells = (
        replace(one, shown=shown) if (one.host, one.scenario) == ("vscode", "call") else one for one in MATRIX.cells
    )
    return replace(MATRIX, cells=tuple(cells))


def test_what_is_alike_is_told_once() -> None:
    (absent,) = alike(MATRIX, "not driven")
    assert ([host.id for host in absent.hosts], absent.scenarios) == (["qwen-code"], ())
    (missing,) = alike(MATRIX, "not applicable")
    assert (missing.hosts, missing.scenarios) == ((), ("rpc-error",))  # in every host that was driven
    failed = [([host.id for host in one.hosts], one.scenarios) for one in alike(MATRIX, "fail")]
    assert failed == [(["codex"], ("slow-start",)), (["cline"], ("paging", "text-on-standard-output"))]


@pytest.mark.parametrize(
    ("matrix", "told"),
    [
        (MATRIX, "Fails in OpenAI Codex and Cline"),
        (GOOD, "Works in both hosts that were driven"),
        (
            replace(GOOD, hosts=HOSTS[:1], cells=GOOD.cells[:2]),
            "Works in OpenAI Codex",
        ),
        (
            replace(
                MATRIX,
                hosts=(HOSTS[1], replace(HOSTS[7], named=True)),
                scenarios=SCENARIOS[:1],
                cells=(cell(HOSTS[1], "handshake"), cell(HOSTS[7], "handshake")),
            ),
            "Works in Claude Code, and Qwen Code could not be driven",
        ),
        (
            replace(MATRIX, hosts=HOSTS[7:8], scenarios=SCENARIOS[:1], cells=(cell(HOSTS[7], "handshake"),)),
            "No host was driven",
        ),
    ],
)
def test_the_outcome_is_one_sentence_that_agrees_with_the_exit_code(matrix: Matrix, told: str) -> None:
    assert headline(matrix) == told
    assert matrix.exit_code == (0 if told.startswith("Works") and "could not" not in told else 1)


def test_names_are_listed_as_a_sentence_has_them() -> None:
    assert [listing(names) for names in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]


def test_nine_hosts_and_thirteen_scenarios_fit_a_terminal_of_80_columns() -> None:
    shown = text.render(MATRIX)
    table = shown.splitlines()[: len(SCENARIOS) + 1]
    assert max(map(len, table)) <= 80
    assert table[0].split() == ["codex", "claude", "openco", "gemini", "copilo", "contin", "cline", "qwen", "vscode"]
    assert table[6].split() == ["slow-start", "FAIL", *["ok"] * 6, "?", "ok"]
    assert table[4].split() == ["rpc-error", *["-"] * 7, "?", "-"]
    assert table[13].startswith("text-on-standard- ok")
    assert not re.search(r"[^\n -~]", shown)


def test_few_hosts_have_their_whole_names_in_the_terminal() -> None:
    assert text.render(GOOD).splitlines()[0].split() == ["codex", "claude-code"]


def test_the_terminal_tells_each_failure_with_its_evidence_and_what_was_not_driven() -> None:
    shown = text.render(MATRIX)
    assert "\nFAIL  codex: slow-start\n  Codex 0.169.0 would start without" in shown
    assert "\n  - line 6\n  and 13 more lines\n  the run is kept in kept/codex/slow-start\n" in shown
    assert "\nFAIL  cline: paging, text-on-standard-output\n" in shown
    assert "\nNOT DRIVEN  qwen-code: every scenario\n  Qwen Code is not installed\n  - connect-mcp lab install" in shown
    assert "\nNOT APPLICABLE  every host: rpc-error\n  no tool of this server" in shown
    assert "codex        OpenAI Codex 0.169.0        tools after 0.31 s\n" in shown
    assert "Fails in OpenAI Codex and Cline: 93 passed, 3 failed, 8 not applicable, 13 not driven\n" in shown
    assert shown.endswith("  2026-11-21, 733 s, without a network\n")


def test_a_run_with_a_network_says_so() -> None:
    connected = replace(MATRIX, cut_off=False)
    for shown in (text.render(connected), html.render(connected), markdown.render(connected)):
        assert "the network was not cut off" in shown


def test_markdown_has_the_matrix_and_lets_nothing_through() -> None:
    shown = markdown.render(MATRIX)
    inside, outside = parted(shown)
    assert f"stderr: {HOSTILE}" in inside
    for mark in ("<script", "**b**", "](http", "@me"):
        assert mark not in "\n".join(outside)
    table = [line for line in outside if line.startswith("| ")]
    assert len(table) == len(SCENARIOS) + 3
    assert {line.count(" |") for line in table} == {len(HOSTS) + 1}
    assert "2026-11-21, 733 s, without a network" in shown
    assert "| **✗** | ✓ |" in shown
    assert "the real program in an empty home" in shown
    absent = outside.index("- Qwen Code (every scenario): Qwen Code is not installed")
    assert outside[absent + 1] == r"  - connect\-mcp lab install qwen\-code"
    assert outside[-1] == r"- every host (rpc\-error): no tool of this server answers with an error"


def test_the_page_stands_alone_and_what_a_server_said_is_text_in_it() -> None:
    shown = html.render(MATRIX)
    page = Page(shown)
    assert not set(page.tags) & {"script", "img", "link", "iframe", "object"}
    assert not {name for name in page.attributes if name.startswith("on")} | (set(page.attributes) & {"src"})
    assert "default-src 'none'" in shown
    assert page.text.count(HOSTILE) >= 6
    for one in MATRIX.cells:
        assert one.sentence in page.text
        assert all(line in page.text for line in one.lines)
    for host in HOSTS:
        assert f"{host.title} {host.version}".strip() in page.text
    assert f"{ABOUT} 2026-11-21, 733 s, without a network" in page.text
    why = "every host: rpc-errorno tool of this server answers with an error"  # on two lines
    assert why in " ".join(page.text.partition("What did not apply")[2].split())


def test_every_cell_of_the_page_leads_to_what_was_seen() -> None:
    page = Page(html.render(MATRIX))
    anchors = page.attributes["id"]
    assert len(anchors) == len(set(anchors)) == len(MATRIX.cells)
    assert {f"#{anchor}" for anchor in anchors} == set(page.attributes["href"])


def test_pictures_are_in_the_page_and_a_file_that_is_none_is_named(tmp_path: Path) -> None:
    picture, other = tmp_path / "list-of-servers.png", tmp_path / "other.png"
    picture.write_bytes(DOT)
    other.write_text("no picture", encoding="utf-8")
    page = Page(html.render(with_pictures(picture, other, tmp_path / "absent.png")))
    (source,) = page.attributes["src"]
    assert base64.b64decode(source.removeprefix("data:image/png;base64,")) == DOT
    assert page.attributes["alt"] == ["list of servers"]
    assert "other: the picture cannot be read" in page.text
    assert "absent: the picture cannot be read" in page.text


def test_a_picture_of_a_run_that_scenarios_share_is_in_the_page_once(tmp_path: Path) -> None:
    picture = tmp_path / "list.png"
    picture.write_bytes(DOT)
    shared = [replace(one, shown=(str(picture),)) if one.host == "vscode" else one for one in MATRIX.cells]
    page = Page(html.render(replace(MATRIX, cells=tuple(shared))))
    assert len(page.attributes["src"]) == 1
    assert page.attributes["href"].count("#vscode--handshake") == len(SCENARIOS)  # in the matrix and in each other one


def test_a_run_that_is_not_kept_names_no_folder_and_no_picture_of_it() -> None:
    gone = unkept(with_pictures(Path("kept/vscode/call/list.png")))
    assert "kept" not in text.render(gone)
    assert "kept/" not in json.dumps(as_data(gone))
    assert "img" not in Page(html.render(gone)).tags


def test_the_run_as_json_has_the_documented_shape() -> None:
    data = json.loads(json.dumps(as_data(MATRIX)))
    shape("lab-run").validate(data)
    assert (data["outcome"], len(data["cells"])) == ("fail", len(HOSTS) * len(SCENARIOS))
    assert as_data(GOOD)["outcome"] == "pass"


def test_what_differs_from_profiles_has_the_documented_shape_as_json() -> None:
    differs = diff.Difference("revision", "handshake", '"2025-06-18"', '"2025-11-25"')
    found = (
        diff.Compared(
            "codex", "OpenAI Codex", "0.170.0", "codex 0.169.0", ("pages",), (differs,), ("repeats",), ("x",)
        ),
        diff.Compared("cline", "Cline", "", "cline 3.0.65", failure="it is not installed"),
    )
    data = json.loads(json.dumps(diff.as_data(found)))
    shape("lab-diff").validate(data)
    assert (data["outcome"], diff.as_data(found[1:])["outcome"]) == ("fail", "pass")


def test_nothing_secret_and_no_control_character_is_shown() -> None:
    told = Cell("codex", "call", "fail", "it said \x1b[31mhunter2-planted", ("API_KEY=abc123def", "x" * 5000))
    bad = replace(
        GOOD,
        server="python server.py --token hunter2-planted",
        hosts=(replace(HOSTS[0], version="1.0\x07"),),
        scenarios=SCENARIOS[1:2],
        cells=(told,),
    )
    clean = safe(bad, ["hunter2-planted"])
    assert as_data(clean)["cells"][0]["lines"] == ["API_KEY=********", f"{'x' * 400}… (4600 more characters)"]
    for shown in (text.render(clean), markdown.render(clean), html.render(clean), json.dumps(as_data(clean))):
        assert "hunter2" not in shown
        assert "abc123def" not in shown
        assert not re.search(r"[\x00-\x09\x0b-\x1f]", shown)


def test_the_reports_that_are_asked_for_are_written_and_markdown_is_added(tmp_path: Path) -> None:
    summary, page = tmp_path / "summary.md", tmp_path / "lab.html"
    summary.write_text("before\n", encoding="utf-8")
    write(MATRIX, argparse.Namespace(markdown=summary, html=page))
    assert summary.read_text(encoding="utf-8") == f"before\n{markdown.render(MATRIX)}"
    assert page.read_text(encoding="utf-8") == html.render(MATRIX)
    with pytest.raises(Refused, match="the report cannot be written"):
        write(MATRIX, argparse.Namespace(markdown=None, html=tmp_path / "no" / "lab.html"))


LOOK = """async (page) => {
  const hidden = await page.locator("#vscode--call").isVisible();
  await page.locator('td a[href="#vscode--call"]').click();
  const seen = await page.locator("#vscode--call").isVisible();
  const picture = await page.locator("img").evaluate((image) => [image.complete, image.naturalWidth]);
  const widths = {};
  for (const width of [1200, 390]) {
    await page.setViewportSize({ width, height: 844 });
    widths[width] = await page.evaluate(() => document.documentElement.scrollWidth);
  }
  return { hidden, seen, picture, widths };
}"""


@pytest.mark.parametrize(("scheme", "background"), [("light", "rgb(255, 255, 255)"), ("dark", "rgb(13, 17, 23)")])
def test_a_real_browser_shows_the_page_fetches_nothing_and_opens_a_cell(
    tmp_path: Path, scheme: str, background: str
) -> None:
    picture, page = tmp_path / "list-of-servers.png", tmp_path / "lab.html"
    picture.write_bytes(DOT)
    page.write_text(html.render(with_pictures(picture)), encoding="utf-8")
    facts = browser().page(page, "dark" if scheme == "dark" else "light", look=LOOK)
    assert (facts.background, facts.console, facts.errors) == (background, [], [])
    assert [url for url in facts.requests if not url.startswith("data:")] == [page.as_uri()]
    assert facts.found["hidden"] is False
    assert facts.found["seen"] is True
    assert facts.found["picture"] == [True, 1]
    assert facts.found["widths"] == {"1200": 1200, "390": 390}  # only the matrix scrolls sideways
    assert "Fails in OpenAI Codex and Cline." in facts.text
    assert "✗ failed\n5.02 s" in facts.text
