import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from connect_mcp.base import locks
from connect_mcp.base.system import System
from connect_mcp.server import draft_file
from connect_mcp.server.drafts import Drafts, question_payload
from connect_mcp.server.results import Failure

API = "https://api.test/api/v1"
DAY = 86400.0


class Clock:
    """Stands still until it is moved."""

    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def drafts(tmp_path: Path) -> Drafts:
    return Drafts(tmp_path / "state")


def question(kind: str = "mcq", **more: Any) -> dict[str, Any]:
    return {"question_text": "q", "question_type": kind, "points": 1, **more}


def begun(drafts: Drafts, title: str = "T") -> str:
    """The id of a new draft with one question."""
    draft_id = drafts.create(API, "w", "s1", title, "B")["draft_id"]
    drafts.add_question(draft_id, question("short_answer", correct_short_answer=" x "))
    return str(draft_id)


def refused(action: Callable[[], Any]) -> Failure:
    with pytest.raises(Failure) as caught:
        action()
    return caught.value


def test_a_draft_is_composed_shown_and_published_once(drafts: Drafts, tmp_path: Path) -> None:
    created = drafts.create(API, "w", "s1", "T", "B")
    draft_id = created["draft_id"]
    assert str(tmp_path / "state" / "quiz-drafts.json") in created["kept"]
    assert "7 days" in created["kept"]
    added = drafts.add_question(draft_id, question(options=["a", "b"], correct_option_indices=[1]))
    assert (added["question_count"], added["added"]["options"][1]) == (1, {"option_text": "b", "is_correct": True})
    shown = drafts.show(draft_id)
    assert (shown["audience"], shown["title"], shown["body"]) == ("author", "T", "B")
    assert "author only" in shown["note"]
    assert drafts.begin_publishing(draft_id, API) == {
        "title": "T",
        "body": "B",
        "space": "s1",
        "questions": shown["questions"],
    }
    drafts.end_publishing(draft_id, published=True)
    assert refused(lambda: drafts.show(draft_id)).code == "NOT_FOUND"


def test_a_draft_outlives_its_server(drafts: Drafts, tmp_path: Path) -> None:
    draft_id = begun(drafts)
    program = (
        "import sys, pathlib; from connect_mcp.server.drafts import Drafts\n"
        "print(Drafts(pathlib.Path(sys.argv[1])).show(sys.argv[2])['questions'][0]['correct_short_answer'])"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", program, str(tmp_path / "state"), draft_id]
    assert subprocess.run(command, env=env, capture_output=True, check=True).stdout.split() == [b"x"]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no modes")
def test_only_its_owner_can_read_the_file(drafts: Drafts, tmp_path: Path) -> None:
    begun(drafts)
    file = tmp_path / "state" / "quiz-drafts.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert sorted(os.listdir(file.parent)) == ["quiz-drafts.json", "quiz-drafts.json.lock"]


def test_servers_that_write_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib; from connect_mcp.server.drafts import Drafts\n"
        "drafts = Drafts(pathlib.Path(sys.argv[1]))\n"
        "for _ in range(10): print(drafts.create('a', 'w', 's', 'T', '')['draft_id'])"
    )
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", program, str(tmp_path)]
    servers = [subprocess.Popen(command, env=env, stdout=subprocess.PIPE) for _ in range(3)]
    made = [ident for server in servers for ident in server.communicate(timeout=60)[0].decode().split()]
    assert len(made) == 30
    assert {Drafts(tmp_path).show(ident)["title"] for ident in made} == {"T"}


def test_a_draft_ends_a_week_after_its_last_change(tmp_path: Path) -> None:
    clock = Clock()
    drafts = Drafts(tmp_path, System(clock=clock))
    old, fresh = begun(drafts), begun(drafts)
    clock.now += 6 * DAY
    drafts.add_question(fresh, question("short_answer", correct_short_answer="y"))
    drafts.show(old)
    clock.now += 2 * DAY
    assert "7 days" in str(refused(lambda: drafts.show(old)).hint)
    assert drafts.show(fresh)["question_count"] == 2
    assert old not in (tmp_path / "quiz-drafts.json").read_text(encoding="utf-8")


GOOD: dict[str, Any] = {
    "api": API,
    "workspace_slug": "w",
    "space_id": "1",
    "title": "T",
    "body": "",
    "changed": Clock.now,
    "publishing": 0,
    "questions": [],
}


def holding(**changes: Any) -> bytes:
    """A file with one draft, which is whole but for `changes`."""
    return json.dumps({"format": 1, "drafts": {"d": {**GOOD, **changes}}}).encode()


def test_a_whole_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "quiz-drafts.json").write_bytes(holding())
    assert Drafts(tmp_path, System(clock=Clock())).show("d")["title"] == "T"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"\xff",
        b"[]",
        b"[" * 100_000,
        b"{}",
        json.dumps({"format": 2, "drafts": {}}).encode(),
        json.dumps({"format": 1, "drafts": []}).encode(),
        json.dumps({"format": 1, "drafts": {"d": []}}).encode(),
        json.dumps({"format": 1, "drafts": {"d": {}}}).encode(),
        holding(more=1),
        holding(title=1),
        holding(changed="now"),
        holding(publishing=None),
        holding(questions={}),
        holding(questions=[1]),
    ],
)
def test_a_damaged_file_is_set_aside_and_said(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "quiz-drafts.json"
    file.write_bytes(data)
    drafts = Drafts(tmp_path, System(clock=Clock()))
    aside = f"{file}.damaged-20270115T080000Z"
    assert aside in str(refused(lambda: drafts.show("d")).hint)
    assert Path(aside).read_bytes() == data
    assert "was damaged" not in drafts.show(begun(drafts))["kept"]


def test_the_answer_to_a_new_draft_says_that_a_file_was_set_aside(tmp_path: Path) -> None:
    (tmp_path / "quiz-drafts.json").write_bytes(b"{")
    assert "was damaged" in Drafts(tmp_path).create(API, "w", "1", "T", "")["kept"]


def test_what_a_dead_server_left_half_written_is_no_hindrance(drafts: Drafts, tmp_path: Path) -> None:
    first = begun(drafts)
    (tmp_path / "state" / "quiz-drafts.json.new").write_bytes(b"{")
    assert drafts.show(begun(drafts))["question_count"] == drafts.show(first)["question_count"] == 1


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    failed = refused(lambda: Drafts(tmp_path / "file" / "state").create(API, "w", "1", "T", ""))
    assert failed.code == "INTERNAL"
    assert str(tmp_path / "file") in failed.message
    assert "--state-dir" in str(failed.hint)


def test_a_full_disk_is_named_and_leaves_the_file_whole(tmp_path: Path) -> None:
    draft_id = begun(Drafts(tmp_path))

    class Full(System):
        def __call__(self, function: Any, /, *args: Any, **kwargs: Any) -> Any:
            if function is os.fsync:
                raise OSError(28, "No space left on device")
            return function(*args, **kwargs)

    failed = refused(lambda: Drafts(tmp_path, Full()).discard(draft_id))
    assert (failed.code, "pace left" in failed.message) == ("INTERNAL", True)
    assert Drafts(tmp_path).show(draft_id)["question_count"] == 1


def test_a_file_that_another_server_holds_is_said(tmp_path: Path) -> None:
    class Impatient(System):
        def __call__(self, function: Any, /, *args: Any, **kwargs: Any) -> Any:
            return None if function.__name__ == "sleep" else function(*args, **kwargs)

    lock = locks.hold(str(tmp_path / "quiz-drafts.json.lock"))
    try:
        failed = refused(lambda: Drafts(tmp_path, Impatient()).create(API, "w", "1", "T", ""))
    finally:
        locks.release(lock)
    assert (failed.code, failed.retryable) == ("CONFLICT", True)


def test_drafts_do_not_grow_without_end(drafts: Drafts) -> None:
    failed = refused(lambda: drafts.create(API, "w", "1", "T", "x" * draft_file.LARGEST))
    assert failed.code == "INVALID_ARG"
    begun(drafts)


def test_a_draft_is_published_only_where_it_was_begun(drafts: Drafts) -> None:
    draft_id = begun(drafts)
    failed = refused(lambda: drafts.begin_publishing(draft_id, "https://other.test/api/v1"))
    assert (failed.code, failed.retryable) == ("CONFLICT", False)
    drafts.begin_publishing(draft_id, API)


def test_a_draft_outlives_a_failed_publishing(drafts: Drafts) -> None:
    draft_id = begun(drafts)
    drafts.begin_publishing(draft_id, API)
    drafts.end_publishing(draft_id, published=False)
    assert drafts.show(draft_id)["questions"][0]["correct_short_answer"] == "x"
    drafts.begin_publishing(draft_id, API)


def test_a_draft_that_any_server_publishes_is_neither_changed_nor_published_again(tmp_path: Path) -> None:
    clock = Clock()
    one, other = (Drafts(tmp_path, System(clock=clock)) for _ in range(2))
    draft_id = begun(one)
    one.begin_publishing(draft_id, API)
    assert refused(lambda: other.begin_publishing(draft_id, API)).code == "CONFLICT"
    assert "being published" in refused(lambda: other.discard(draft_id)).message
    assert "being published" in refused(lambda: other.add_question(draft_id, question())).message
    clock.now += 121  # a server that died meanwhile must not keep the draft for ever
    other.begin_publishing(draft_id, API)


def test_an_empty_draft_is_not_published(drafts: Drafts) -> None:
    draft_id = drafts.create(API, "w", "s1", "T", "")["draft_id"]
    assert refused(lambda: drafts.begin_publishing(draft_id, API)).code == "INVALID_ARG"


def test_a_discarded_draft_is_gone(drafts: Drafts) -> None:
    draft_id = begun(drafts)
    assert drafts.discard(draft_id) == {"discarded": draft_id}
    assert refused(lambda: drafts.discard(draft_id)).code == "NOT_FOUND"


def test_a_question_that_is_refused_changes_nothing(drafts: Drafts) -> None:
    draft_id = begun(drafts)
    refused(lambda: drafts.add_question(draft_id, question()))
    assert drafts.show(draft_id)["question_count"] == 1


OPTIONS: dict[str, Any] = {"options": ["a", "b", "c"]}

INVALID: list[tuple[dict[str, Any], str]] = [
    (question(correct_option_indices=[0]), "options"),
    (question(options=["a"], correct_option_indices=[0]), "options"),
    (question(**OPTIONS), "correct_option_indices"),
    (question(**OPTIONS, correct_option_indices=[]), "correct_option_indices"),
    (question(**OPTIONS, correct_option_indices=[0, 1]), "correct_option_indices"),
    (question("true_false", **OPTIONS, correct_option_indices=[0, 1]), "correct_option_indices"),
    (question("multi_select", **OPTIONS, correct_option_indices=[]), "correct_option_indices"),
    (question("multi_select", **OPTIONS, correct_option_indices=[0, 3]), "correct_option_indices"),
    (question(**OPTIONS, correct_option_indices=[0], correct_short_answer="a"), "correct_short_answer"),
    (question("short_answer"), "correct_short_answer"),
    (question("short_answer", correct_short_answer="  "), "correct_short_answer"),
    (question("short_answer", **OPTIONS, correct_short_answer="a"), "options"),
    (question("short_answer", correct_option_indices=[0], correct_short_answer="a"), "correct_option_indices"),
]


@pytest.mark.parametrize(("arguments", "culprit"), INVALID)
def test_options_and_answers_that_do_not_belong_together_are_refused(arguments: dict[str, Any], culprit: str) -> None:
    with pytest.raises(Failure) as caught:
        question_payload(arguments)
    assert caught.value.code == "INVALID_ARG"
    assert list(caught.value.details) == [culprit]


@pytest.mark.parametrize(
    ("kind", "correct"), [("mcq", [1]), ("mcq", [1, 1]), ("true_false", [0]), ("multi_select", [0, 2])]
)
def test_a_choice_marks_each_option(kind: str, correct: list[int]) -> None:
    payload = question_payload(question(kind, **OPTIONS, correct_option_indices=correct))
    assert [option["is_correct"] for option in payload["options"]] == [index in correct for index in range(3)]
    assert set(payload) == {"question_text", "question_type", "points", "options"}


def test_a_short_answer_has_no_options() -> None:
    payload = question_payload(question("short_answer", correct_short_answer=" a "))
    assert (payload["options"], payload["correct_short_answer"]) == ([], "a")
