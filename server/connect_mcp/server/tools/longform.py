"""Articles and questions."""

from connect_mcp.server.tools import outputs
from connect_mcp.server.tools.model import (
    ADDS,
    KIND,
    REPLACES,
    SLUG,
    Request,
    Tool,
    free_text,
    identifier,
    same,
    text,
)

_ARTICLE = {"article_id": identifier("the article", "create_article or search_content")}
_QUESTION = {"question_id": identifier("the question", "create_question or search_content")}
_CHANGES = {
    "body": free_text("The new text, whole; left as it is if not given."),
    "title": free_text("The new title; left as it is if not given."),
}

TOOLS = (
    Tool(
        "create_article",
        "Create article",
        "Publishes a long-form article in a workspace at once; there is no draft. Returns the new article with its id.",
        ADDS,
        Request("POST", "/spaces/{space_id}/articles/", body=same("title", "body"), fixed={"status": "published"}),
        required={**SLUG, "title": text("Title of the article."), "body": text("Text of the article.")},
        returns=outputs.CONTENT,
    ),
    Tool(
        "edit_article",
        "Edit article",
        "Replaces the text or the title of an article, or both; at least one of body and title must be given. Returns "
        "the changed article.",
        REPLACES,
        Request("PATCH", "/articles/{article_id}/", body=same("body", "title")),
        required=_ARTICLE,
        one_of=_CHANGES,
        returns=outputs.CONTENT,
    ),
    Tool(
        "react_to_article",
        "React to article",
        "Sets the current user's reaction to an article; it takes the place of an earlier one. Returns the reaction or "
        "the article's counts.",
        REPLACES,
        Request("POST", "/articles/{article_id}/reactions/", body=same("kind")),
        required=_ARTICLE,
        optional=KIND,
        returns=outputs.REACTIONS,
    ),
    Tool(
        "remove_reaction_from_article",
        "Remove reaction from article",
        "Takes the current user's reaction to an article back.",
        REPLACES,
        Request("DELETE", "/articles/{article_id}/reactions/"),
        required=_ARTICLE,
        returns=outputs.DONE,
    ),
    Tool(
        "comment_on_article",
        "Comment on article",
        "Writes a comment under an article. Returns the new comment with its id.",
        ADDS,
        Request("POST", "/articles/{article_id}/comments/", body=same("body")),
        required={**_ARTICLE, "body": text("Text of the comment.")},
        returns=outputs.COMMENT,
    ),
    Tool(
        "create_question",
        "Create question",
        "Asks the members of a workspace a question that they can answer in text. Returns the new question with its "
        "id. For a choice between given answers use create_poll, for a test create_quiz_draft.",
        ADDS,
        Request("POST", "/spaces/{space_id}/questions/", body=same("title", "body")),
        required={**SLUG, "title": text("The question in one line."), "body": text("The question in full.")},
        returns=outputs.CONTENT,
    ),
    Tool(
        "edit_question",
        "Edit question",
        "Replaces the text or the title of a question, or both; at least one of body and title must be given. Returns "
        "the changed question.",
        REPLACES,
        Request("PATCH", "/questions/{question_id}/", body=same("body", "title")),
        required=_QUESTION,
        one_of=_CHANGES,
        returns=outputs.CONTENT,
    ),
    Tool(
        "comment_on_question",
        "Comment on question",
        "Writes a comment under a question. Returns the new comment with its id.",
        ADDS,
        Request("POST", "/questions/{question_id}/comments/create/", body=same("body")),
        required={**_QUESTION, "body": text("Text of the comment.")},
        returns=outputs.COMMENT,
    ),
)
