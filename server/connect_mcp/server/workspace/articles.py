"""Articles and questions."""

from functools import partial

from connect_mcp.server.workspace.api import Endpoint
from connect_mcp.server.workspace.contents import comment, create, edit, react, take_reaction_back

ENDPOINTS = (
    Endpoint("POST", "/spaces/{space}/articles/", partial(create, kind="article", title_needed=True), status=201),
    Endpoint("PATCH", "/articles/{article}/", partial(edit, kind="article")),
    Endpoint("POST", "/articles/{article}/reactions/", partial(react, kind="article")),
    Endpoint("DELETE", "/articles/{article}/reactions/", partial(take_reaction_back, kind="article"), status=204),
    Endpoint("POST", "/articles/{article}/comments/", partial(comment, kind="article"), status=201),
    Endpoint("POST", "/spaces/{space}/questions/", partial(create, kind="question", title_needed=True), status=201),
    Endpoint("PATCH", "/questions/{question}/", partial(edit, kind="question")),
    Endpoint("POST", "/questions/{question}/comments/create/", partial(comment, kind="question"), status=201),
)
