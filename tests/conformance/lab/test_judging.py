"""What is said of a run is what was seen in it: every cause on a real host's run, recorded once or made here."""

import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from connect_mcp.base.errors import Refused
from connect_mcp.base.record import replace
from connect_mcp.conformance.lab.all_recipes import selected as recipes
from connect_mcp.conformance.lab.causes import NAME_RULES
from connect_mcp.conformance.lab.drive import Server
from connect_mcp.conformance.lab.evidence import Evidence, Leftover
from connect_mcp.conformance.lab.judging import Outcome, inapplicable, judge, undriven
from connect_mcp.conformance.lab.model.script import Call, Script
from connect_mcp.conformance.lab.planning import Looked, Planned, plan, together
from connect_mcp.conformance.lab.results import Kind
from connect_mcp.conformance.lab.runs import Run, make
from connect_mcp.conformance.lab.scenario import all_scenarios, selected
from connect_mcp.conformance.trial import Options
from support.lab_evidence import FOLDER, load, planned
from support.real_hosts import install
from support.scenario_servers import with_faults

EVERY_FOLDER = sorted(path.name for path in FOLDER.iterdir())

# What was recorded, the scenario, the outcome, and what the sentence must say after the host's name.
RECORDED: tuple[tuple[str, str, Kind, str], ...] = (
    ("codex-good", "handshake", "pass", r"offers its model this server's 8 tools: ready after 0\.\d\d s"),
    ("codex-good", "call", "pass", r"calls `echo` \(answered after .* s\), and its model sees what came of it"),
    ("codex-good", "shutdown", "pass", r"ends this server with itself, by SIGTERM, .* nothing of it is left"),
    (
        "codex-never-ready",
        "handshake",
        "fail",
        r"without this server's tools: initialize was not answered within 1\.\d s",
    ),
    (
        "codex-slow-start-5",
        "handshake",
        "fail",
        r"ready after 5\.\d s \(started directly\), and its model was asked 0\.\d",
    ),
    ("codex-no-list", "handshake", "fail", r"tools/list was not answered within \d.*, and its model was asked"),
    ("codex-no-tools", "handshake", "fail", r"would have no tools of this server: it lists none$"),
    (
        "codex-no-answer",
        "call",
        "fail",
        r"got no answer from `echo` within 8\d\.\d s, and still waited when it was ended",
    ),
    ("codex-no-answer", "shutdown", "not driven", r"was still running after 90\.\d s and was ended"),
    ("codex-crash-in-call", "handshake", "pass", r"offers its model this server's 8 tools"),
    (
        "codex-crash-in-call",
        "call",
        "fail",
        r"from `echo`: the server ended with code 3 in the call; its last line .*disk",
    ),
    (
        "codex-crash-in-call",
        "shutdown",
        "not applicable",
        r"had nothing to end: the server ended with code 3 by itself",
    ),
    ("codex-rpc-errors", "call", "fail", r"a JSON-RPC error from `echo` where a result with isError belongs: “-32603"),
    (
        "codex-long-name-128",
        "handshake",
        "fail",
        r"\(128 characters\) only under a name that it cut, to 128 characters",
    ),
    ("codex-long-name-128", "call", "pass", r"calls `echo`"),
    (
        "claude-code-long-name-128",
        "handshake",
        "fail",
        r"a name of 138 characters, and the model's API takes 128 at most",
    ),
    (
        "claude-code-nonsense-revision",
        "call",
        "fail",
        r"answers with the protocol revision 1999-01-01, which there is not",
    ),
    ("claude-code-slow-call-1", "call", "pass", r"calls `echo` \(answered after 1\.\d s\)"),
    ("claude-code-undeclared", "handshake", "fail", r"no tools of this server: it does not say that it has any$"),
    (
        "cline-text-first",
        "handshake",
        "fail",
        r"it writes a line that is no message, “Starting the server…”, to its stand",
    ),
    ("cline-paged-1", "handshake", "fail", r"would see only 1 of 8 tools: it asks for the first page alone"),
    (
        "cline-slow-start-5",
        "handshake",
        "fail",
        r"within 2\.\d s \(ready after 5\.\d s when it is started directly\), and",
    ),
    ("continue-crash-at-start", "call", "fail", r"the server ended with code 3 .*, each of 2 times; its last line"),
    (
        "continue-odd-names",
        "handshake",
        "fail",
        r"under the name `files\.read`, with characters that the model's API does",
    ),
    ("copilot-cli-long-name-128", "handshake", "fail", r"only under a name that it cut, to 64 characters"),
    ("copilot-cli-long-name-128", "shutdown", "pass", r"ends this server with itself"),
    (
        "gemini-cli-text-each",
        "handshake",
        "fail",
        r"it writes a line that is no message, “DEBUG answering”, to its standard",
    ),
    ("gemini-cli-blank-lines", "handshake", "fail", r"it writes blank lines to its standard output"),
    ("gemini-cli-structured-only", "call", "fail", r"did not show its model what `echo` answered after .* s, but"),
    ("gemini-cli-deaf", "call", "pass", r"calls `echo`"),
    (
        "gemini-cli-deaf",
        "shutdown",
        "fail",
        r"leaves this server running: it went on after SIGTERM and the end of its input",
    ),
    ("opencode-structured-only", "call", "pass", r"calls `echo`"),
    (
        "opencode-crash-at-initialize",
        "handshake",
        "fail",
        r"ended with code 3 when it was asked for initialize; its last",
    ),
    ("qwen-code-rpc-errors", "call", "fail", r"a JSON-RPC error from `echo` .*, and it made the call 4 times"),
    ("qwen-code-crash-in-call", "call", "fail", r"the server ended with code 3 in the call, each of 4 times"),
    (
        "cline-slow-call-60.4",
        "call",
        "fail",
        r"did not show its model what `echo` answered after 60\.\d s, but “.*time",
    ),
    ("cline-slow-call-70", "call", "fail", r"got no answer from `echo` within 61\.\d s, and its model saw “.*[Tt]ime"),
)


@pytest.mark.parametrize(("name", "scenario", "kind", "sentence"), RECORDED, ids=lambda value: str(value)[:40])
def test_a_recorded_run_is_judged_as_what_it_was(name: str, scenario: str, kind: Kind, sentence: str) -> None:
    evidence, data = load(FOLDER / name)

    outcome = judge(evidence, planned(scenario, data))

    assert outcome.kind == kind, outcome
    assert re.search(sentence, outcome.sentence), outcome.sentence
    assert outcome.sentence.startswith(f"{recipes([evidence.host_id])[0].title} {evidence.version} ")
    assert "\n" not in outcome.sentence


def test_every_recording_is_judged_and_each_cause_of_it_told_in_lines() -> None:
    assert {name for name, *_ in RECORDED} == set(EVERY_FOLDER)
    for name in EVERY_FOLDER:
        evidence, data = load(FOLDER / name)
        lines = judge(evidence, planned("handshake", data)).lines
        assert any(line.startswith("the server") and "started after" in line for line in lines), name
        assert any(line.startswith("the host") for line in lines), name


def test_what_makes_a_host_wait_is_told_where_it_did_not() -> None:
    evidence, data = load(FOLDER / "codex-slow-start-5")

    lines = judge(evidence, planned("handshake", data)).lines

    assert "it is known to wait 1 s in a run without a person" in lines[0]
    assert "startup_timeout_sec" in lines[1]
    assert lines[2].endswith("connect-mcp lab run --patient tells this host to wait")


def good() -> tuple[Evidence, Planned]:
    evidence, data = load(FOLDER / "codex-good")
    return evidence, planned("call", data)


def test_a_host_that_never_asks_its_model_is_not_the_servers_failure() -> None:
    evidence, plan = good()

    outcome = judge(replace(evidence, turns=(), exit=1, errors="config.toml: unknown field\n"), plan)

    assert (outcome.kind, outcome.sentence) == (
        "not driven",
        f"OpenAI Codex 0.169.0 ended with code 1 after {evidence.seconds:.1f} s and never asked its model: "
        "“config.toml: unknown field”",
    )


def test_a_host_that_does_not_start_the_server_is_not_the_servers_failure() -> None:
    evidence, plan = good()

    for turns, told in ((evidence.turns, "it may have changed beyond its recipe"), ((), "neither started the server")):
        outcome = judge(replace(evidence, starts=(), turns=turns), plan)
        assert outcome.kind == "not driven"
        assert told in outcome.sentence


def test_a_server_that_nobody_can_start_is_the_servers_failure() -> None:
    evidence, plan = good()
    broken = replace(plan, looked=Looked(failure="`nowhere` was not started: No such file or directory"))

    outcome = judge(replace(evidence, starts=()), broken)

    assert outcome.kind == "fail"
    assert outcome.sentence.endswith(
        "without this server's tools: `nowhere` was not started: No such file or directory"
    )


def test_a_server_that_does_not_start_fails_in_the_calls_as_in_the_handshake() -> None:
    evidence, data = load(FOLDER / "continue-crash-at-start")

    told = {
        (outcome.kind, outcome.sentence)
        for scenario in ("handshake", "call", "two-calls", "is-error", "unicode")
        for outcome in [judge(evidence, planned(scenario, data))]
    }

    ((kind, sentence),) = told
    assert kind == "fail"
    assert "the server ended with code 3" in sentence


def test_no_call_is_passed_that_was_not_made() -> None:
    evidence, plan = good()
    shy = replace(plan, script=Script(()), looked=Looked(failure="tools/list: no answer within 10 s"))

    outcome = judge(evidence, shy)

    assert outcome.kind == "not applicable"
    assert outcome.sentence == (
        "no call was made: asked directly, the server lists no tools: tools/list: no answer within 10 s"
    )


def test_what_a_server_says_is_quoted_without_control_characters_and_secrets() -> None:
    evidence, plan = good()
    nasty = Looked(failure="it said \x1b[31mred\x1b[0m and arc_live_planted_00000000")

    outcome = judge(replace(evidence, starts=()), replace(plan, looked=nasty))

    assert "\\x1b[31mred" in outcome.sentence
    assert "planted" not in json.dumps([outcome.sentence, *outcome.lines])


def test_a_left_process_that_is_not_the_servers_is_told_and_not_held_against_it() -> None:
    evidence, _ = good()
    plan = planned("shutdown", load(FOLDER / "codex-good")[1])

    outcome = judge(replace(evidence, left=(Leftover("git", False),)), plan)

    assert outcome.kind == "pass"
    assert "left running: git" in outcome.lines


def test_a_scenario_that_does_not_apply_and_a_host_that_is_not_there_say_so() -> None:
    (scenario, *_) = all_scenarios()
    missing = Planned(scenario, scenario.server, missing="it has no tools")

    assert inapplicable(missing) == Outcome("not applicable", "it has no tools")
    refusal = Refused("npm could not install it", why="registry\x07 gone")
    assert undriven("codex", refusal) == Outcome(
        "not driven", "OpenAI Codex was not driven: npm could not install it: registry\\x07 gone"
    )


def test_every_dialect_of_a_recipe_has_its_rule_for_names_with_a_source() -> None:
    assert {recipe.dialect for recipe in recipes([])} == set(NAME_RULES)
    assert all(rule.source for rule in NAME_RULES.values())


def test_a_call_that_nobody_has_approved_is_told_and_never_held_against_a_server() -> None:
    evidence, _ = good()
    (row,) = selected(["unapproved"])
    echo, other = Call("echo", {"text": "a text that is said again"}), Call("big", {"bytes": 1})
    only_read, neither = (Planned(row, row.server, Script(((one,), (other,)))) for one in (echo, Call("rich", {})))

    made, refused = judge(evidence, only_read), judge(evidence, neither)

    assert (made.kind, refused.kind) == ("pass", "pass")
    assert made.sentence.endswith(
        "calls `echo`, which is annotated as read-only, and nothing else, though nobody has approved it"
    )
    assert refused.sentence.endswith("calls none of `rich` and `big` where nobody has approved it")


def test_a_host_that_does_not_go_on_without_a_server_that_ends_at_once_is_told() -> None:
    (row,) = selected(["absent"])

    def judged(name: str) -> Outcome:
        return judge(load(FOLDER / name)[0], Planned(row, row.server, row.steps))

    gave_up, went_on = judged("continue-crash-at-start"), judged("opencode-crash-at-initialize")

    assert gave_up.kind == "fail"
    assert re.search(r"ended with code 1 after .* for want of the server, which it started 2 times", gave_up.sentence)
    assert (went_on.kind, went_on.sentence[-60:]) == (
        "pass",
        "goes on without a server that ends at once, and asks its model"[-60:],
    )


# The real Codex, here and now


def outcomes(folder: Path, server: Server | None, names: Sequence[str], *, patient: bool = False) -> dict[str, Outcome]:
    """What comes of these scenarios in Codex, each group of them in one run.

    A busy machine is a slow server to Codex, which waits one second: where that is not the question it is `patient`.
    """
    (recipe,) = recipes(["codex"])
    program = install().installed[recipe.executable]
    plans = plan(selected(names), server, Options(timeout=10.0, examples={"echo": {"text": "said again"}}))
    groups = together(plans)
    runs = [
        Run(recipe, program, group[0].server, group[0].script, folder / str(at), 60.0, patient)
        for at, group in enumerate(groups)
    ]
    found = {one.scenario.id: inapplicable(one) for one in plans if one.missing}
    for at, outcome in make(runs, 1):
        for one in groups[at]:
            assert isinstance(outcome, Evidence), outcome
            found[one.scenario.id] = judge(outcome, one)
    return found


LIVE = (
    ("never-ready", "handshake", r"initialize was not answered within .* s, and its model was asked"),
    ("slow-start=5", "handshake", r"ready after 5\.\d s \(started directly\), and its model was asked"),
    ("no-tools", "handshake", "it lists none"),
    ("no-list", "handshake", r"tools/list was not answered within"),
    (
        "crash-at-start",
        "handshake",
        r"the server ended(?: with code 3)? .*; its last line on standard error: “scenario",
    ),
    ("crash-at-initialize", "handshake", r"the server ended(?: with code 3)? when it was asked for initialize"),
    ("crash-in-call", "call", r"got no answer from `echo`: the server ended(?: with code 3)? in the call"),
    ("long-name=128", "handshake", r"\(128 characters\) only under a name that it cut"),
    ("rpc-errors", "call", r"a JSON-RPC error from `echo` where a result with isError belongs"),
    ("rpc-errors", "is-error", r"a JSON-RPC error from `echo` where a result with isError belongs"),
)


UNREADY = ("never-ready", "slow-start=5", "no-list", "crash-at-start", "crash-at-initialize")


@pytest.mark.hosts
@pytest.mark.xdist_group("hosts")
@pytest.mark.parametrize(("fault", "scenario", "sentence"), LIVE)
def test_a_server_with_one_fault_is_red_in_the_real_codex_for_that_reason(
    tmp_path: Path, fault: str, scenario: str, sentence: str
) -> None:
    server = with_faults(fault)

    outcome = outcomes(tmp_path / "runs", server, [scenario], patient=fault not in UNREADY)[scenario]

    assert outcome.kind == "fail", outcome
    assert re.search(sentence, outcome.sentence), outcome


@pytest.mark.hosts
@pytest.mark.xdist_group("hosts")
def test_codex_is_driven_through_the_scenarios_and_copes_with_what_it_is_known_to(tmp_path: Path) -> None:
    copes = [
        "rpc-error",
        "two-calls",
        "paging",
        "requests",
        "stdout-first",
        "stdout-each",
        "stdout-blank",
        "rich-result",
    ]
    does_not = {
        "list-changed": "it did not ask for the list of tools again",
        "crash-once": "does not start this server",
    }

    found = outcomes(tmp_path / "runs", None, [*copes, *does_not, "shutdown-deaf"], patient=True)

    assert {name: found[name].kind for name in copes} == dict.fromkeys(copes, "pass"), found
    for name, told in does_not.items():
        assert found[name].kind == "fail"
        assert told in found[name].sentence, found[name]
    assert found["shutdown-deaf"].kind == "pass"


@pytest.mark.hosts
@pytest.mark.xdist_group("hosts")
def test_the_bundled_server_is_green_in_codex_wherever_a_scenario_applies(tmp_path: Path) -> None:
    bundled = Server((sys.executable, "-m", "connect_mcp", "serve", "--embedded"))

    found = outcomes(tmp_path / "runs", bundled, [], patient=True)

    applies = {scenario.id for scenario in selected([]) if scenario.takes}
    assert {name: one.sentence for name, one in found.items() if name in applies and one.kind != "pass"} == {}
    assert {one.kind for name, one in found.items() if name not in applies} == {"not applicable"}
