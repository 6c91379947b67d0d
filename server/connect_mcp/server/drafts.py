"""Quiz drafts: composed piece by piece here, sent to the API whole."""

import uuid
from dataclasses import dataclass, field
from typing import Any

from connect_mcp.server.results import Failure

KEPT = "Kept in the memory of this server until it is published or discarded; lost when the server stops."
AUTHOR_ONLY = "Holds the correct answers: for the quiz's author only, not for those who will take it."

_ONE_CORRECT = ("mcq", "true_false")
_FEWEST_OPTIONS, _MOST_OPTIONS = 2, 10


@dataclass
class Draft:
    """A quiz that is not published yet.

    Attributes:
        questions: as the API takes them.
        publishing: whether a request to publish it is under way.
    """

    workspace_slug: str
    space_id: str
    title: str
    body: str
    questions: list[dict[str, Any]] = field(default_factory=list)
    publishing: bool = False


class Drafts:
    """All drafts of one server by their id."""

    def __init__(self) -> None:
        self._drafts: dict[str, Draft] = {}

    def create(self, workspace_slug: str, space_id: str, title: str, body: str) -> dict[str, Any]:
        """Begin a draft."""
        draft_id = str(uuid.uuid4())
        self._drafts[draft_id] = Draft(workspace_slug, space_id, title, body)
        return {**self._summary(draft_id), "kept": KEPT}

    def add_question(self, draft_id: str, question: dict[str, Any]) -> dict[str, Any]:
        """Append a question, given as the tool's arguments.

        Raises:
            Failure: INVALID_ARG for options and answers that do not belong together, NOT_FOUND, CONFLICT.
        """
        draft = self._editable(draft_id)
        draft.questions.append(question_payload(question))
        return {**self._summary(draft_id), "added": draft.questions[-1]}

    def show(self, draft_id: str) -> dict[str, Any]:
        """The whole draft, the correct answers included."""
        draft = self.get(draft_id)
        return {
            **self._summary(draft_id),
            "body": draft.body,
            "questions": draft.questions,
            "audience": "author",
            "note": AUTHOR_ONLY,
        }

    def discard(self, draft_id: str) -> dict[str, Any]:
        """Forget a draft."""
        self._editable(draft_id)
        del self._drafts[draft_id]
        return {"discarded": draft_id}

    def begin_publishing(self, draft_id: str) -> dict[str, Any]:
        """The body of the request that publishes the draft, which cannot be changed until `end_publishing`."""
        draft = self._editable(draft_id)
        if not draft.questions:
            raise Failure(
                "INVALID_ARG", "The draft has no questions yet.", hint="Add at least one with add_quiz_question."
            )
        draft.publishing = True
        return {
            "title": draft.title,
            "body": draft.body,
            "space": draft.space_id,
            "questions": draft.questions,
        }

    def end_publishing(self, draft_id: str, *, published: bool) -> None:
        """Forget the draft if it was published, keep it for another try if not."""
        if published:
            del self._drafts[draft_id]
        else:
            self._drafts[draft_id].publishing = False

    def get(self, draft_id: str) -> Draft:
        """The draft of that id."""
        if draft_id not in self._drafts:
            raise Failure(
                "NOT_FOUND",
                "There is no draft of that id.",
                hint="Drafts end when they are published or discarded, and when this server stops; "
                "create_quiz_draft begins a new one.",
                details={"draft_id": ["not found"]},
            )
        return self._drafts[draft_id]

    def _editable(self, draft_id: str) -> Draft:
        draft = self.get(draft_id)
        if draft.publishing:
            raise Failure("CONFLICT", "The draft is being published.", retryable=True)
        return draft

    def _summary(self, draft_id: str) -> dict[str, Any]:
        draft = self._drafts[draft_id]
        return {
            "draft_id": draft_id,
            "workspace_slug": draft.workspace_slug,
            "title": draft.title,
            "question_count": len(draft.questions),
        }


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
