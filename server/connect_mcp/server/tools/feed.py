"""Posts in a workspace's feed."""

from connect_mcp.server.tools import outputs
from connect_mcp.server.tools.model import (
    ADDS,
    CURSOR,
    KIND,
    READS,
    REPLACES,
    SLUG,
    Request,
    Tool,
    free_text,
    identifier,
    limit,
    same,
    text,
)

_POST = {"post_id": identifier("the post", "list_feed_posts or search_content")}

TOOLS = (
    Tool(
        "list_feed_posts",
        "List feed posts",
        "Lists posts of a workspace's feed, each with its id, author, title, body and counts in results.",
        READS,
        Request("GET", "/spaces/{space_id}/posts/", query=same("limit", "cursor")),
        required=SLUG,
        optional={"limit": limit(20), **CURSOR},
        returns=outputs.page(outputs.CONTENT),
    ),
    Tool(
        "create_feed_post",
        "Create feed post",
        "Publishes a post in a workspace's feed, where all its members see it. Returns the new post with its id.",
        ADDS,
        Request("POST", "/spaces/{space_id}/posts/", body=same("body", "title")),
        required={**SLUG, "body": text("Text of the post.")},
        optional={"title": free_text("Title of the post, if it has one.")},
        returns=outputs.CONTENT,
    ),
    Tool(
        "edit_post",
        "Edit post",
        "Replaces the text of a post that the current user wrote, and its title if one is given. Returns the changed "
        "post.",
        REPLACES,
        Request("PUT", "/posts/{post_id}/update/", body=same("body", "title")),
        required={**_POST, "body": text("The new text, whole.")},
        optional={"title": free_text("The new title; left as it is if not given.")},
        returns=outputs.CONTENT,
    ),
    Tool(
        "react_to_post",
        "React to post",
        "Sets the current user's reaction to a post; it takes the place of an earlier one. Returns the reaction or the "
        "post's counts.",
        REPLACES,
        Request("POST", "/posts/{post_id}/reactions/", body=same("kind")),
        required=_POST,
        optional=KIND,
        returns=outputs.REACTIONS,
    ),
    Tool(
        "remove_reaction_from_post",
        "Remove reaction from post",
        "Takes the current user's reaction to a post back.",
        REPLACES,
        Request("DELETE", "/posts/{post_id}/reactions/"),
        required=_POST,
        returns=outputs.DONE,
    ),
    Tool(
        "comment_on_post",
        "Comment on post",
        "Writes a comment under a post. Returns the new comment with its id.",
        ADDS,
        Request("POST", "/posts/{post_id}/comments/", body=same("body")),
        required={**_POST, "body": text("Text of the comment.")},
        returns=outputs.COMMENT,
    ),
)
