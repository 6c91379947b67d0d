"""Quiz drafts: composed piece by piece here, sent to the API whole."""

import os
import uuid
from pathlib import Path
from typing import Any

from connect_mcp.base.system import SYSTEM, System
from connect_mcp.server.draft_file import LASTS, Draft, DraftFile, Kept
from connect_mcp.server.results import Failure

AUTHOR_ONLY = "Holds the correct answers: for the quiz's author only, not for those who will take it."

_ONE_CORRECT = ("mcq", "true_false")
_FEWEST_OPTIONS, _MOST_OPTIONS = 2, 10
_DAYS = round(LASTS / 86400)
_PUBLISHING = 120.0
"""Seconds after which a server that began to publish a draft and has not said how it went is taken for dead."""


class Drafts:
    """A user's drafts by their id, the same for all servers with one state folder. Blocks while it reads and writes.

    Args:
        folder: where they are kept.
        system: the operating system, and its clock.
    """

    def __init__(self, folder: Path, system: System = SYSTEM) -> None:
        self._file = DraftFile(folder, system)
        self._clock = system.clock

    def create(self, api: str, workspace_slug: str, space_id: str, title: str, body: str) -> dict[str, Any]:
        """Begin a draft for a workspace of the API at a base URL."""
        draft_id = str(uuid.UUID(bytes=os.urandom(16), version=4))
        with self._file.opened() as kept:
            draft = kept.drafts[draft_id] = Draft(api, workspace_slug, space_id, title, body, self._clock())
            return self._summary(draft_id, draft, kept)

    def add_question(self, draft_id: str, question: dict[str, Any]) -> dict[str, Any]:
        """Append a question, given as the tool's arguments.

        Raises:
            Failure: INVALID_ARG for options and answers that do not belong together, NOT_FOUND, CONFLICT.
        """
        with self._file.opened() as kept:
            draft = self._editable(draft_id, kept)
            draft.questions.append(question_payload(question))
            draft.changed = self._clock()
            return {**self._summary(draft_id, draft, kept), "added": draft.questions[-1]}

    def show(self, draft_id: str) -> dict[str, Any]:
        """The whole draft, the correct answers included."""
        with self._file.opened() as kept:
            draft = self._draft(draft_id, kept)
            return {
                **self._summary(draft_id, draft, kept),
                "body": draft.body,
                "questions": draft.questions,
                "audience": "author",
                "note": AUTHOR_ONLY,
            }

    def discard(self, draft_id: str) -> dict[str, Any]:
        """Forget a draft."""
        with self._file.opened() as kept:
            self._editable(draft_id, kept)
            del kept.drafts[draft_id]
            return {"discarded": draft_id}

    def begin_publishing(self, draft_id: str, api: str) -> dict[str, Any]:
        """The body of the request that publishes the draft, which cannot be changed until `end_publishing`.

        Raises:
            Failure: INVALID_ARG without questions, CONFLICT if it was begun for another API, NOT_FOUND.
        """
        with self._file.opened() as kept:
            draft = self._editable(draft_id, kept)
            if draft.api != api:
                raise Failure(
                    "CONFLICT",
                    "The draft was begun for another API than the one that this server talks to.",
                    hint="Publish it from the server with which it was begun, or begin a new one.",
                )
            if not draft.questions:
                raise Failure(
                    "INVALID_ARG", "The draft has no questions yet.", hint="Add at least one with add_quiz_question."
                )
            draft.publishing = self._clock()
            return {"title": draft.title, "body": draft.body, "space": draft.space_id, "questions": draft.questions}

    def end_publishing(self, draft_id: str, *, published: bool) -> None:
        """Forget the draft if it was published, keep it for another try if not."""
        with self._file.opened() as kept:
            if published:
                kept.drafts.pop(draft_id, None)
            elif draft_id in kept.drafts:
                kept.drafts[draft_id].publishing = 0.0

    def _draft(self, draft_id: str, kept: Kept) -> Draft:
        if draft_id not in kept.drafts:
            raise Failure(
                "NOT_FOUND",
                "There is no draft of that id.",
                hint=_set_aside(kept)
                or f"Drafts end when they are published or discarded, and {_DAYS} days after their last change; "
                "create_quiz_draft begins a new one.",
                details={"draft_id": ["not found"]},
            )
        return kept.drafts[draft_id]

    def _editable(self, draft_id: str, kept: Kept) -> Draft:
        draft = self._draft(draft_id, kept)
        if 0 <= self._clock() - draft.publishing < _PUBLISHING:
            raise Failure("CONFLICT", "The draft is being published.", retryable=True)
        return draft

    def _summary(self, draft_id: str, draft: Draft, kept: Kept) -> dict[str, Any]:
        where = (
            f"In {self._file.path} on this computer, until it is published or discarded, and no longer than "
            f"{_DAYS} days after its last change."
        )
        return {
            "draft_id": draft_id,
            "workspace_slug": draft.workspace_slug,
            "title": draft.title,
            "question_count": len(draft.questions),
            "kept": f"{where} {_set_aside(kept)}".rstrip(),
        }


def _set_aside(kept: Kept) -> str:
    return f"The file of drafts was damaged and is now {kept.set_aside}." if kept.set_aside else ""


def question_payload(question: dict[str, Any]) -> dict[str, Any]:
    """A question as the API takes it, from the arguments of add_quiz_question (valid one by one).

    Raises:
        Failure: INVALID_ARG where they do not belong together.
    """
    kind = question["question_type"]
    payload = {"question_text": question["question_text"], "question_type": kind, "points": question["points"]}
    if kind == "short_answer":
        answer = question.get("correct_short_answer", "").strip()
        if not answer:
            raise _invalid("correct_short_answer", "needed for a short_answer question")
        for name in ("options", "correct_option_indices"):
            if question.get(name):
                raise _invalid(name, "not for a short_answer question")
        return {**payload, "options": [], "correct_short_answer": answer}
    if question.get("correct_short_answer"):
        raise _invalid("correct_short_answer", f"not for a {kind} question")
    options, correct = question.get("options", []), set(question.get("correct_option_indices", []))
    if not _FEWEST_OPTIONS <= len(options) <= _MOST_OPTIONS:
        raise _invalid("options", f"expected {_FEWEST_OPTIONS} to {_MOST_OPTIONS}, got {len(options)}")
    if not all(0 <= index < len(options) for index in correct):
        raise _invalid("correct_option_indices", f"expected indices from 0 to {len(options) - 1}")
    if kind in _ONE_CORRECT and len(correct) != 1:
        raise _invalid("correct_option_indices", f"expected exactly one for {kind}, got {len(correct)}")
    if not correct:
        raise _invalid("correct_option_indices", f"expected at least one for {kind}")
    marked = [{"option_text": text, "is_correct": index in correct} for index, text in enumerate(options)]
    return {**payload, "options": marked}


def _invalid(name: str, problem: str) -> Failure:
    return Failure("INVALID_ARG", f"{name}: {problem}.", details={name: [problem]})
