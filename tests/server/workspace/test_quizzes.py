import contextlib
import sqlite3
from typing import Any

import pytest

from connect_mcp.server.workspace.seed import seeded_id
from connect_mcp.server.workspace.store import FILE_NAME
from support.workspace_api import Api

MAKERS = seeded_id("space", "makers")
CHOICES = [{"option_text": "Oak", "is_correct": True}, {"option_text": "Pine", "is_correct": False}]
MCQ = {"question_text": "Harder?", "question_type": "mcq", "points": 3, "options": CHOICES}
SHORT = {"question_text": "Name it", "question_type": "short_answer", "options": [], "correct_short_answer": "Kerf"}
BOTH = {**MCQ, "question_type": "multi_select", "options": [{"option_text": t, "is_correct": True} for t in "ab"]}


def _quiz(*questions: object) -> dict[str, Any]:
    return {"title": "Wood", "body": "", "space": MAKERS, "questions": list(questions)}


def test_a_quiz_is_published_whole_without_its_answers(api: Api) -> None:
    answer = api.ask("POST", "/quizzes/", _quiz(MCQ, SHORT, BOTH))
    assert answer.status_code == 201
    quiz = answer.json()
    assert [question["question_type"] for question in quiz["questions"]] == ["mcq", "short_answer", "multi_select"]
    assert [option["option_text"] for option in quiz["questions"][0]["options"]] == ["Oak", "Pine"]
    assert (quiz["space"], quiz["total_points"], quiz["author"]["username"]) == (MAKERS, 3 + 1 + 3, "amara")
    assert "is_correct" not in answer.text
    assert "Kerf" not in answer.text
    assert _rows(api, "SELECT is_correct FROM quiz_options ORDER BY seq LIMIT 2") == [(1,), (0,)]
    assert ("Kerf",) in _rows(api, "SELECT correct_short_answer FROM quiz_questions")


@pytest.mark.parametrize(
    ("question", "errors"),
    [
        ({**MCQ, "question_type": "essay"}, {"question_type": ['"essay" is not a valid choice.']}),
        ({**MCQ, "question_text": " "}, {"question_text": ["This field may not be blank."]}),
        ({**MCQ, "points": 0}, {"points": ["Ensure this value is greater than or equal to 1."]}),
        ({**MCQ, "points": 101}, {"points": ["Ensure this value is less than or equal to 100."]}),
        ({**MCQ, "points": True}, {"points": ["A valid integer is required."]}),
        ({**MCQ, "options": CHOICES[:1]}, {"options": ["Ensure this field has at least 2 elements."]}),
        ({**MCQ, "options": CHOICES * 6}, {"options": ["Ensure this field has no more than 10 elements."]}),
        ({**MCQ, "options": BOTH["options"]}, {"options": ["Exactly one option must be correct."]}),
        ({**BOTH, "options": [CHOICES[1], CHOICES[1]]}, {"options": ["At least one option must be correct."]}),
        ({**MCQ, "options": [CHOICES[0], {}]}, {"options": [{}, {"option_text": ["This field is required."]}]}),
        ({**SHORT, "correct_short_answer": ""}, {"correct_short_answer": ["This field may not be blank."]}),
        ("not an object", {"non_field_errors": ["Invalid data. Expected a dictionary, but got str."]}),
    ],
)
def test_one_wrong_question_keeps_the_whole_quiz_out(api: Api, question: object, errors: dict[str, Any]) -> None:
    answer = api.ask("POST", "/quizzes/", _quiz(SHORT, question))
    assert (answer.status_code, answer.json()) == (400, {"questions": [{}, errors]})
    assert _rows(api, "SELECT * FROM quizzes") == []


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"questions": []}, "questions"),
        ({"questions": {"0": MCQ}}, "questions"),
        ({"title": None}, "title"),
        ({"space": "makers"}, "space"),
        ({"space": seeded_id("space", "nowhere")}, "space"),
    ],
)
def test_what_makes_no_quiz_is_refused(api: Api, changed: dict[str, object], field: str) -> None:
    answer = api.ask("POST", "/quizzes/", {**_quiz(MCQ), **changed})
    assert answer.status_code == 400
    assert list(answer.json()) == [field]


def test_a_foreign_workspace_takes_no_quiz(member: Api) -> None:
    answer = member.ask("POST", "/quizzes/", {**_quiz(MCQ), "space": seeded_id("space", "fernlight")})
    assert answer.status_code == 400
    assert list(answer.json()) == ["space"]


def _rows(api: Api, sql: str) -> list[tuple[object, ...]]:
    with contextlib.closing(sqlite3.connect(api.folder / FILE_NAME)) as db:
        return db.execute(sql).fetchall()
