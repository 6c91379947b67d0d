"""Articles and questions."""

from functools import partial

from connect_mcp.server.workspace.api import Endpoint
from connect_mcp.server.workspace.contents import comment, create, edit, react, take_reaction_back

ENDPOINTS = (
    Endpoint("POST", "/spaces/{space:uuid}/articles/", partial(create, kind="article", title_needed=True), status=201),
    Endpoint("PATCH", "/articles/{article:uuid}/", partial(edit, kind="article")),
    Endpoint("POST", "/articles/{article:uuid}/reactions/", partial(react, kind="article")),
    Endpoint("DELETE", "/articles/{article:uuid}/reactions/", partial(take_reaction_back, kind="article"), status=204),
    Endpoint("POST", "/articles/{article:uuid}/comments/", partial(comment, kind="article"), status=201),
    Endpoint(
        "POST", "/spaces/{space:uuid}/questions/", partial(create, kind="question", title_needed=True), status=201
    ),
    Endpoint("PATCH", "/questions/{question:uuid}/", partial(edit, kind="question")),
    Endpoint("POST", "/questions/{question:uuid}/comments/create/", partial(comment, kind="question"), status=201),
)
