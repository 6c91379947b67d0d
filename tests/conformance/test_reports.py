import json
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from connect_mcp.base.errors import Refused
from connect_mcp.base.record import replace
from connect_mcp.conformance.commands import main
from connect_mcp.conformance.fuzz import Found, Fuzzed
from connect_mcp.conformance.host_verdicts import Finding, HostVerdict
from connect_mcp.conformance.profiles import profile_ids
from connect_mcp.conformance.reports import html, junit, markdown, sarif
from connect_mcp.conformance.requirement import all_requirements
from connect_mcp.conformance.result import OUTCOMES, Line, Outcome, Result
from connect_mcp.conformance.verdicts import Verdict, as_data
from support.cli import shape
from support.http_server import http_server
from support.markdown import parted
from support.servers import server

HOSTILE = (
    "</pre></script><script>alert(1)</script><img src=x onerror=alert(1)> ```` ]]> | [x](http://e) **b** @me &amp; \"'"
)
ROWS = {row.id: row for row in all_requirements()[: len(OUTCOMES)]}
REVISION = "2025-11-25"
HOST = HostVerdict("codex", f"Codex 1 {HOSTILE}", "works", f"Codex 1 {HOSTILE}.", (f"seen {HOSTILE}",), ())
HOSTS = (
    HOST,
    replace(HOST, host="b", outcome="fails", findings=(Finding("fails", HOSTILE, "w"), Finding("risk", HOSTILE, "w"))),
    replace(HOST, host="c", outcome="risk", findings=(Finding("risk", HOSTILE, ""),)),
)


def result(identity: str, outcome: Outcome) -> Result:
    if outcome == "pass":
        return Result(identity, REVISION, outcome, seconds=0.5)
    lines = (Line(0, "kit", "ping"), Line(0, "subject", HOSTILE), Line(0, "stderr", "oops"), Line(0, "event", "exited"))
    return Result(identity, REVISION, outcome, f"because {HOSTILE}", lines, 0.25)


FOUND = Found("died", f"the server exited {HOSTILE}", "calls", REVISION, 2, False, f"out/calls {HOSTILE}.jsonl")
FUZZED = Fuzzed(7, {f"calls ({REVISION})": 12, f"orders ({REVISION})": 30}, (FOUND,), (f"no chunks: {HOSTILE}",))
SDK = (f"--sdk mcp-2: what it cannot help {HOSTILE}", f"  PING-EMPTY ({REVISION}): {HOSTILE}")

VERDICT = Verdict(
    f"python server.py {HOSTILE}",
    (REVISION,),
    ROWS,
    tuple(result(identity, outcome) for identity, outcome in zip(ROWS, OUTCOMES, strict=True)),
    False,
    1.5,
    HOSTS,
    FUZZED,
    SDK,
    "2/4",
)


class Page(HTMLParser):
    """The tags and texts of a page; every tag that is opened is closed."""

    VOID = ("meta", "br", "link")

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.open: list[str] = []
        self.text = ""
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.open += [] if tag in self.VOID else [tag]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_stands_alone_and_what_a_server_said_is_text_in_it() -> None:
    text = html.render(VERDICT)
    page = Page(text)
    assert not page.tags & {"script", "img", "link", "iframe", "object"}
    assert not {name for name in page.attributes if name.startswith("on")} | (page.attributes & {"src", "href"})
    assert "default-src 'none'" in text
    assert "prefers-color-scheme: dark" in text
    assert page.text.count(HOSTILE) >= 20
    for identity, row in ROWS.items():
        assert identity in page.text
        assert row.title in page.text
    told = [one for one in VERDICT.results if one.outcome in ("fail", "warn", "inconclusive", "bug-in-the-case")]
    for one in told:
        row = ROWS[one.requirement]
        for part in (row.rule, row.source, row.mend):
            assert part in page.text
    assert "< </pre>" in page.text  # the exchange, with who said it
    assert f"connect-mcp conformance replay out/calls {HOSTILE}.jsonl -- COMMAND" in page.text
    assert "Shard 2/4: 1 passed, 1 failed, " in page.text


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({"hosts": HOSTS[1:2], "results": ()}, "It would fail in a host."),
        ({"hosts": (), "results": (), "fuzzed": FUZZED}, "Not conformant."),
        ({"hosts": (), "results": (), "fuzzed": None, "shard": "2/4", "elsewhere": 3}, "Nothing to do here."),
        ({"hosts": HOSTS[:1], "results": (), "fuzzed": None, "shard": "2/4"}, "No MUST is broken."),
    ],
)
def test_the_page_says_first_what_came_of_the_run(more: dict[str, Any], word: str) -> None:
    assert word in Page(html.render(replace(VERDICT, **more))).text


def test_the_run_as_json_has_the_documented_shape() -> None:
    shape("conformance-run").validate(json.loads(json.dumps(as_data(VERDICT))))


def test_a_page_without_a_fault_says_so() -> None:
    good = Verdict("s", (REVISION,), ROWS, (result(next(iter(ROWS)), "pass"),), False, 1.0)
    text = Page(html.render(good)).text
    assert "No MUST is broken." in text
    assert "What is wrong" not in text
    assert "In real hosts" not in text


def test_junit_has_a_case_for_each_requirement_and_fails_only_what_makes_the_run_fail() -> None:
    root = ET.fromstring(junit.render(VERDICT))
    suite, hosts, fuzzing = root.findall("testsuite")
    assert dict(suite.attrib) == {
        "name": f"MCP {REVISION}",
        "tests": "8",
        "failures": "1",
        "errors": "2",
        "skipped": "3",
        "time": "2.250",
    }
    tags = [[child.tag for child in case] for case in suite.findall("testcase")]
    assert dict(zip(OUTCOMES, tags, strict=True)) == {
        "pass": [],
        "fail": ["failure"],
        "warn": ["system-out"],
        "expected": ["skipped"],
        "not-applicable": ["skipped"],
        "not-observed": ["skipped"],
        "inconclusive": ["error"],
        "bug-in-the-case": ["error"],
    }
    failure = suite.find("testcase/failure")
    assert failure is not None
    assert failure.get("message") == f"because {HOSTILE}"
    assert f"< {HOSTILE}" in str(failure.text)
    assert [[child.tag for child in case] for case in hosts] == [["system-out"], ["failure"], ["system-out"]]
    assert [(case.get("name"), case[0].tag) for case in fuzzing.findall("testcase")] == [
        (f"calls ({REVISION})", "failure"),
        (f"orders ({REVISION})", "system-out"),
    ]
    assert (fuzzing.get("tests"), fuzzing.get("failures")) == ("2", "1")
    assert f"again: connect-mcp conformance replay out/calls {HOSTILE}.jsonl -- COMMAND" in "".join(fuzzing.itertext())
    said = [(one.get("name"), one.get("value")) for one in root.iter("property")]
    assert said == [("sdk", SDK[0]), ("seed", "7")]
    strict = Verdict("s", (REVISION,), ROWS, VERDICT.results, True, 1.0)
    assert ET.fromstring(junit.render(strict))[0].get("failures") == "2"


def test_sarif_gives_each_result_a_place_a_rule_and_a_level() -> None:
    data = json.loads(sarif.render(VERDICT, "my project.toml"))
    (run,) = data["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert data["version"] == "2.1.0"
    assert [(one["level"], one["ruleId"]) for one in run["results"]] == [
        *(
            (level, identity)
            for identity, level in zip(
                ROWS, (None, "error", "warning", None, None, None, "warning", "note"), strict=True
            )
            if level
        ),
        ("error", "HOST-b"),
        ("note", "HOST-c"),
        ("error", "FUZZ-died"),
    ]
    (invocation,) = run["invocations"]
    assert invocation["executionSuccessful"] is False, "there was a bug of the kit"
    said = [note["message"]["text"] for note in invocation["toolExecutionNotifications"]]
    assert said == [*(line.strip() for line in SDK), *FUZZED.notes]
    assert run["automationDetails"] == {"id": "connect-mcp conformance/2 of 4/"}
    for one in run["results"]:
        assert rules[one["ruleIndex"]]["id"] == one["ruleId"]
        (location,) = one["locations"]
        assert location["physicalLocation"]["artifactLocation"]["uri"] == "my%20project.toml"
        assert location["physicalLocation"]["region"] == {"startLine": 1}
        assert one["message"]["text"]
        assert len(one["partialFingerprints"]["requirement/v1"]) == 32
    assert len({rule["id"] for rule in rules}) == len(rules)
    assert all(len(set(rule["properties"]["tags"])) == len(rule["properties"]["tags"]) for rule in rules)


@pytest.mark.parametrize(
    ("files", "place"),
    [
        ([], "README.md"),
        (["package.json"], "package.json"),
        (["package.json", "pyproject.toml"], "pyproject.toml"),
        ([".github/workflows/b.yml", ".github/workflows/a.yml"], ".github/workflows/a.yml"),
    ],
)
def test_sarif_results_point_at_the_file_that_a_project_is_known_by(
    tmp_path: Path, files: list[str], place: str
) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("", encoding="utf-8")
    assert sarif.default_place(tmp_path) == place


def test_markdown_tells_what_is_wrong_and_lets_nothing_through() -> None:
    text = markdown.render(VERDICT)
    assert text.startswith("## MCP conformance: could not be judged (shard 2/4)\n")
    assert "| 1 | 1 | 1 | 1 | 1 | 1 | 1 |" in text
    inside, outside = parted(text)
    assert f"< {HOSTILE}" in inside
    assert f"connect-mcp conformance replay out/calls {HOSTILE}.jsonl -- COMMAND" in inside
    assert "#### died: calls in 2025\\-11\\-25" in outside
    assert "### What its SDK cannot help" in outside
    for mark in ("<script", "**b**", "](http", "@me"):
        assert mark not in "\n".join(outside)
    assert all(line.count(" | ") == 2 for line in outside if line.startswith("| Codex"))


def test_a_run_writes_the_reports_that_are_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "summary.md").write_text("before\n", encoding="utf-8")
    wanted = ["--junit", "j.xml", "--sarif", "s.sarif", "--markdown", "summary.md", "--html", "h.html"]
    faulty = server(tmp_path, "say('Welcome')")
    argv = ["run", "--only", "STDOUT-PURE", "--profile", "cline", "claude", *wanted, "--json", "--", *faulty]
    assert main(argv) == 1
    data = json.loads(capsys.readouterr().out)
    shape("conformance-run").validate(data)
    assert [(host["host"], host["outcome"]) for host in data["hosts"]] == [("cline", "fails"), ("claude-code", "works")]
    assert ET.parse(tmp_path / "j.xml").getroot().tag == "testsuites"
    assert json.loads((tmp_path / "s.sarif").read_text(encoding="utf-8"))["version"] == "2.1.0"
    assert (tmp_path / "summary.md").read_text(encoding="utf-8").startswith("before\n## MCP conformance: failed")
    assert "would drop this server" in Page((tmp_path / "h.html").read_text(encoding="utf-8")).text


def test_a_run_with_profiles_tells_of_each_host_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "--only", "STDOUT-PURE", "--profile", "all", "--call-tools", "--", *server(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert shown.count("works with this server: 3 tools after") == len(profile_ids()) + 1  # the official SDK's client
    faulty = server(tmp_path, "def answer(m, usual=answer): say(''); usual(m)")
    assert main(["run", "--only", "STDOUT-PURE", "--profile", "gemini", "codex", "--", *faulty]) == 1
    assert "FAILS  Gemini CLI 0.61.0 would lose all tools of this server: " in capsys.readouterr().out


def test_a_server_behind_a_url_is_visited_as_a_host_would(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with http_server("--embedded", "--data-dir", str(tmp_path)) as http:
        argv = ["run", "--only", "TOOLS-SCHEMA", "--profile", "codex", "copilot", "--url", http.url, "--json"]
        assert main(argv) == 0
    data = json.loads(capsys.readouterr().out)
    assert [(host["host"], host["outcome"]) for host in data["hosts"]] == [("codex", "works"), ("copilot-cli", "works")]


def test_a_report_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    started = tmp_path / "started"
    command = server(tmp_path, f"open({str(started)!r}, 'w').close()")
    (tmp_path / "file").touch()
    with pytest.raises(Refused, match="the report cannot be written"):
        main(["run", "--only", "STDOUT-PURE", "--html", str(tmp_path / "file" / "h.html"), "--", *command])
    assert not started.exists(), "which is seen before anything is checked"
