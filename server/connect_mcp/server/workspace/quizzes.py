"""Quizzes, published whole: nothing is kept unless every question is right.

The answers are checked and kept, and never shown: what is answered is what somebody taking the quiz may see.
"""

from dataclasses import dataclass

from connect_mcp.server.workspace.api import Call, Endpoint, Json
from connect_mcp.server.workspace.discovery import in_space, member
from connect_mcp.server.workspace.form import BODY, TITLE, Form

_SHORT_ANSWER = "short_answer"
_ONE_CORRECT = ("mcq", "true_false")
_TYPES = (*_ONE_CORRECT, "multi_select", _SHORT_ANSWER)
_TEXT = 1000
_MOST_QUESTIONS = 100
_MOST_POINTS = 100
_FEWEST_OPTIONS, _MOST_OPTIONS = 2, 10


@dataclass(frozen=True)
class _Option:
    text: str
    is_correct: bool


@dataclass(frozen=True)
class _Question:
    text: str
    kind: str
    points: int
    options: list[_Option]
    short_answer: str


def _publish(call: Call) -> Json:
    form = Form(call.body)
    title = form.text("title", TITLE)
    body = form.text_or_blank("body", BODY)
    space_id = form.identity("space")
    questions = form.nested("questions", 1, _MOST_QUESTIONS, _question)
    if space_id and not in_space(call, space_id):
        form.wrong("space", f'Invalid pk "{space_id}" - object does not exist.')
    form.check()
    quiz_id = call.add(
        "quizzes", space_id=space_id, author_id=call.member_id, title=title, body=body, created_at=call.now
    )
    for question in questions:
        _add(call, quiz_id, question)
    return _quiz(call, quiz_id)


def _question(form: Form) -> _Question:
    kind = form.choice("question_type", _TYPES)
    text = form.text("question_text", _TEXT)
    points = form.whole("points", 1, _MOST_POINTS, default=1)
    if kind == _SHORT_ANSWER:
        return _Question(text, kind, points, [], form.text("correct_short_answer", _TEXT))
    options = form.nested("options", _FEWEST_OPTIONS, _MOST_OPTIONS, _option)
    correct = sum(option.is_correct for option in options)
    if "options" not in form.errors:
        if kind in _ONE_CORRECT and correct != 1:
            form.wrong("options", "Exactly one option must be correct.")
        elif kind and not correct:
            form.wrong("options", "At least one option must be correct.")
    return _Question(text, kind, points, options, "")


def _option(form: Form) -> _Option:
    return _Option(form.text("option_text", _TEXT), form.flag("is_correct"))


def _add(call: Call, quiz_id: str, question: _Question) -> None:
    question_id = call.add(
        "quiz_questions",
        quiz_id=quiz_id,
        question_text=question.text,
        question_type=question.kind,
        points=question.points,
        correct_short_answer=question.short_answer,
    )
    for option in question.options:
        call.add("quiz_options", question_id=question_id, option_text=option.text, is_correct=option.is_correct)


def _quiz(call: Call, quiz_id: str) -> Json:
    row = call.one("SELECT * FROM quizzes WHERE id = ?", quiz_id)
    questions = [
        {
            "id": question["id"],
            "question_text": question["question_text"],
            "question_type": question["question_type"],
            "points": question["points"],
            "options": _options(call, question["id"]),
        }
        for question in call.all("SELECT * FROM quiz_questions WHERE quiz_id = ? ORDER BY seq", quiz_id)
    ]
    return {
        "id": row["id"],
        "space": row["space_id"],
        "author": member(call, row["author_id"]),
        "title": row["title"],
        "body": row["body"],
        "questions": questions,
        "total_points": sum(question["points"] for question in questions),
        "created_at": row["created_at"],
    }


def _options(call: Call, question_id: str) -> list[Json]:
    rows = call.all("SELECT id, option_text FROM quiz_options WHERE question_id = ? ORDER BY seq", question_id)
    return [dict(row) for row in rows]


ENDPOINTS = (Endpoint("POST", "/quizzes/", _publish, status=201),)
