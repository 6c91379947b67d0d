"""Quizzes: composed as a draft on this machine, published whole. `drafts` keeps them."""

from connect_mcp.server.tools import outputs
from connect_mcp.server.tools.model import (
    ADDS,
    DRAFT_ADDS,
    DRAFT_DROPS,
    DRAFT_READS,
    PUBLISHES,
    SLUG,
    Tool,
    free_text,
    identifier,
    one_of,
    text,
)

_DRAFT = {"draft_id": identifier("the draft", "create_quiz_draft")}

TOOLS = (
    Tool(
        "create_quiz_draft",
        "Create quiz draft",
        "Begins a quiz as a draft that nobody else sees. Returns its draft_id for add_quiz_question, and where on this "
        "computer the draft is kept: it outlives this server, and ends 7 days after its last change.",
        ADDS,
        required={**SLUG, "title": text("Title of the quiz.")},
        optional={"body": free_text("Introduction to the quiz.")},
        returns=outputs.DRAFT,
    ),
    Tool(
        "add_quiz_question",
        "Add quiz question",
        "Appends a question to a quiz draft. mcq and true_false take 2 to 10 options of which exactly one is correct, "
        "multi_select at least one; short_answer takes correct_short_answer and no options. Returns the question as "
        "added and how many there are now.",
        DRAFT_ADDS,
        required={**_DRAFT, "question_text": text("What is asked.")},
        optional={
            "question_type": one_of(
                "How it is answered.", "mcq", "true_false", "multi_select", "short_answer", default="mcq"
            ),
            "options": {
                "type": "array",
                "items": {"type": "string", "minLength": 1},
                "maxItems": 10,
                "description": "The answers to choose from, 2 to 10; not for short_answer.",
            },
            "correct_option_indices": {
                "type": "array",
                "items": {"type": "integer", "minimum": 0},
                "description": "Positions of the correct answers in options, counted from 0; not for short_answer.",
            },
            "correct_short_answer": free_text("The correct answer to a short_answer question; not for the others."),
            "points": {
                "type": "integer",
                "minimum": 1,
                "maximum": 100,
                "default": 1,
                "description": "What a correct answer is worth, 1 to 100.",
            },
        },
        returns=outputs.ADDED,
    ),
    Tool(
        "list_quiz_draft_questions",
        "List quiz draft questions",
        "Returns a quiz draft with all its questions, for its author to review before it is published. It shows the "
        "correct answers: never show it to those who will take the quiz.",
        DRAFT_READS,
        required=_DRAFT,
        returns=outputs.REVIEW,
    ),
    Tool(
        "discard_quiz_draft",
        "Discard quiz draft",
        "Throws a quiz draft away, with all its questions. It cannot be brought back.",
        DRAFT_DROPS,
        required=_DRAFT,
        returns=outputs.DISCARDED,
    ),
    Tool(
        "publish_quiz_draft",
        "Publish quiz draft",
        "Publishes a quiz draft in its workspace, where all members can take it; this cannot be undone. First show "
        "the author what list_quiz_draft_questions returns and ask for consent. Returns the quiz with its id; the "
        "draft is dropped, unless publishing failed.",
        PUBLISHES,
        required=_DRAFT,
        returns=outputs.QUIZ,
    ),
)
