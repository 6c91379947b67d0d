"""Which process a case gets: as few as the subject's health allows, and never one in which another is to blame."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from connect_mcp.base.record import replace
from connect_mcp.conformance.cases.all_cases import CASES
from connect_mcp.conformance.engine import check
from connect_mcp.conformance.guard import Guard
from connect_mcp.conformance.requirement import MODERN, REVISIONS
from connect_mcp.conformance.subject import StdioSubject
from connect_mcp.conformance.trial import Trial
from connect_mcp.conformance.watch import RULES
from support.servers import server
from support.subjects import FOLDER, HURRIED, ROWS, reference, results

QUICK = replace(HURRIED, examples={"wait": {"ms": 1}})
LEGACY = REVISIONS[-2]
SHARED = [ident for ident, case in CASES.items() if not case.fresh and ROWS[ident].transport != "http"]

POLLUTED = """
import sys
sys.path.insert(0, {folder!r})
from reference import Rejected, Server
import reference

class Polluted(Server):
    spoiled = 0

    def unreadable(self, code, text):
        self.spoiled += 1
        {unreadable}

    def request(self, message):
        {request}

Polluted().run()
"""
WAYS: Mapping[str, tuple[str, str]] = {
    "refuses-all-after": (
        "super().unreadable(0, text)",
        "self.error(message, {'code': -32603, 'message': 'no'}) if self.spoiled else super().request(message)",
    ),
    "answers-late": (
        "import threading; threading.Timer(1.5, super().unreadable, [0, text]).start()",
        "super().request(message)",
    ),
    "forgets-tools-after": (
        "super().unreadable(0, text); self.tools = []",
        "super().request(message)",
    ),
    "dies-at-the-third": (
        "import os; super().unreadable(0, text); self.spoiled < 3 or os._exit(3)",
        "super().request(message)",
    ),
}
"""What a server does to a line that it cannot read, and to requests: each has the one fault, and a state after it."""


def counted(command: Sequence[str], log: Path) -> list[str]:
    """A command that leaves a line for each process that it is."""
    program = "import os, sys; open(sys.argv[1], 'a').write('x\\n'); os.execv(sys.argv[2], sys.argv[2:])"
    return [sys.executable, "-S", "-c", program, str(log), *command]


def alone(command: Sequence[str], idents: Sequence[str], revision: str) -> dict[str, str]:
    """What comes of each, in processes of its own."""
    with Guard() as guard:
        trial = Trial(StdioSubject(command, guard, patience=0.3), QUICK)
        return {ident: check(trial, ROWS[ident], revision).outcome for ident in idents}


@pytest.mark.parametrize("way", WAYS)
def test_what_one_case_does_to_a_server_counts_against_no_other(way: str, tmp_path: Path) -> None:
    unreadable, request = WAYS[way]
    program = tmp_path / "polluted.py"
    program.write_text(POLLUTED.format(folder=str(FOLDER), unreadable=unreadable, request=request), encoding="utf-8")
    command = [sys.executable, "-S", "-E", str(program)]
    idents = [ident for ident in SHARED if LEGACY in ROWS[ident].revisions]
    together = results(command, [ROWS[ident] for ident in idents], [LEGACY], QUICK)
    assert {one.requirement: one.outcome for one in together} == alone(command, idents, LEGACY)


@pytest.mark.parametrize(
    ("says", "outcomes"),
    [
        ("b'x' * 5000", {"STDERR-UTF8": "pass", "STDERR-SECRETS": "pass"}),
        ("'démarré'.encode('latin-1')", {"STDERR-UTF8": "warn", "STDERR-SECRETS": "pass"}),
        ("str(os.environ).encode()", {"STDERR-UTF8": "pass", "STDERR-SECRETS": "fail"}),
    ],
)
def test_the_last_words_of_a_server_that_dies_of_a_line_are_judged(
    says: str, outcomes: Mapping[str, str], tmp_path: Path
) -> None:
    dies = f"import os; os.write(2, {says} + b' ' * 50); os._exit(1)"
    program = tmp_path / "dying.py"
    program.write_text(
        POLLUTED.format(folder=str(FOLDER), unreadable=dies, request="super().request(message)"), encoding="utf-8"
    )
    found = results([sys.executable, "-S", "-E", str(program)], [ROWS[ident] for ident in outcomes], [LEGACY], QUICK)
    assert {one.requirement: one.outcome for one in found} == outcomes


@pytest.mark.parametrize(("revision", "most"), [(LEGACY, 23), (MODERN, 17)])
def test_a_good_server_is_started_no_more_often_than_its_cases_need(revision: str, most: int, tmp_path: Path) -> None:
    log = tmp_path / "started"
    rows = [row for row in ROWS.values() if row.id not in RULES]
    found = results(counted(reference(), log), rows, [revision], QUICK)
    assert all(one.outcome in ("pass", "not-applicable", "not-observed") for one in found), found
    assert len(log.read_text(encoding="utf-8").splitlines()) <= most


def test_a_server_that_drops_what_it_cannot_read_is_not_started_for_each_of_it(tmp_path: Path) -> None:
    log = tmp_path / "started"
    program = tmp_path / "dropping.py"
    program.write_text(
        POLLUTED.format(folder=str(FOLDER), unreadable="pass", request="super().request(message)"), encoding="utf-8"
    )
    rows = [ROWS[ident] for ident in SHARED if LEGACY in ROWS[ident].revisions]
    found = results(counted([sys.executable, "-S", "-E", str(program)], log), rows, [LEGACY], QUICK)
    assert len([one for one in found if one.outcome == "fail"]) > 5
    assert len(log.read_text(encoding="utf-8").splitlines()) < 10


SLOW_PING = """
DELAYS = [1.4]

def result(method, params, usual=result):
    if method == "ping":
        time.sleep(DELAYS.pop() if DELAYS else 0)
    return usual(method, params)
"""
NO_PING = "def answer(message, usual=answer):\n    message['method'] == 'ping' or usual(message)"


@pytest.mark.parametrize(("fault", "method"), [(SLOW_PING, "ping"), (NO_PING, "tools/list")])
def test_another_fence_is_taken_where_it_alone_is_answered(tmp_path: Path, fault: str, method: str) -> None:
    with Guard() as guard:
        trial = Trial(StdioSubject(server(tmp_path, fault), guard, patience=0.3), QUICK)
        with trial.open(LEGACY) as talk:
            talk.fence()
            talk.fence()
        assert trial.fence_method == method, "one that is slow once still has it"
