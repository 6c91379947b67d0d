"""Feed posts."""

from functools import partial

from connect_mcp.server.workspace.api import Endpoint
from connect_mcp.server.workspace.contents import comment, create, edit, list_contents, react, take_reaction_back

ENDPOINTS = (
    Endpoint("GET", "/spaces/{space}/posts/", partial(list_contents, kind="post")),
    Endpoint("POST", "/spaces/{space}/posts/", partial(create, kind="post", title_needed=False), status=201),
    Endpoint("PUT", "/posts/{post}/update/", partial(edit, kind="post", body_needed=True)),
    Endpoint("POST", "/posts/{post}/reactions/", partial(react, kind="post")),
    Endpoint("DELETE", "/posts/{post}/reactions/", partial(take_reaction_back, kind="post"), status=204),
    Endpoint("POST", "/posts/{post}/comments/", partial(comment, kind="post"), status=201),
)
