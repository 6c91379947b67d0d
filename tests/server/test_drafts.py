from typing import Any

import pytest

from connect_mcp.server.drafts import Drafts, question_payload
from connect_mcp.server.results import Failure


def question(kind: str = "mcq", **more: Any) -> dict[str, Any]:
    return {"question_text": "q", "question_type": kind, "points": 1, **more}


def test_a_draft_is_composed_shown_and_published_once() -> None:
    drafts = Drafts()
    begun = drafts.create("w", "s1", "T", "B")
    draft_id = begun["draft_id"]
    assert "lost when the server stops" in begun["kept"]
    added = drafts.add_question(draft_id, question(options=["a", "b"], correct_option_indices=[1]))
    assert (added["question_count"], added["added"]["options"][1]) == (1, {"option_text": "b", "is_correct": True})
    shown = drafts.show(draft_id)
    assert (shown["audience"], shown["title"], shown["body"]) == ("author", "T", "B")
    assert drafts.begin_publishing(draft_id) == {
        "title": "T",
        "body": "B",
        "space": "s1",
        "questions": shown["questions"],
    }
    drafts.end_publishing(draft_id, published=True)
    with pytest.raises(Failure, match="no draft"):
        drafts.show(draft_id)


def test_a_draft_outlives_a_failed_publishing() -> None:
    drafts = Drafts()
    draft_id = drafts.create("w", "s1", "T", "")["draft_id"]
    drafts.add_question(draft_id, question("short_answer", correct_short_answer=" x "))
    drafts.begin_publishing(draft_id)
    drafts.end_publishing(draft_id, published=False)
    assert drafts.show(draft_id)["questions"][0]["correct_short_answer"] == "x"
    drafts.begin_publishing(draft_id)


def test_a_draft_that_is_being_published_is_neither_changed_nor_published_again() -> None:
    drafts = Drafts()
    draft_id = drafts.create("w", "s1", "T", "")["draft_id"]
    drafts.add_question(draft_id, question("short_answer", correct_short_answer="x"))
    drafts.begin_publishing(draft_id)
    with pytest.raises(Failure) as again:
        drafts.begin_publishing(draft_id)
    assert again.value.code == "CONFLICT"
    with pytest.raises(Failure, match="being published"):
        drafts.discard(draft_id)
    with pytest.raises(Failure, match="being published"):
        drafts.add_question(draft_id, question())


def test_an_empty_draft_is_not_published() -> None:
    drafts = Drafts()
    draft_id = drafts.create("w", "s1", "T", "")["draft_id"]
    with pytest.raises(Failure, match="no questions") as empty:
        drafts.begin_publishing(draft_id)
    assert empty.value.code == "INVALID_ARG"


def test_a_discarded_draft_is_gone() -> None:
    drafts = Drafts()
    draft_id = drafts.create("w", "s1", "T", "")["draft_id"]
    assert drafts.discard(draft_id) == {"discarded": draft_id}
    with pytest.raises(Failure) as gone:
        drafts.discard(draft_id)
    assert gone.value.code == "NOT_FOUND"


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
