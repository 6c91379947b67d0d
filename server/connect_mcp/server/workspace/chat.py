"""Channel chat."""

from connect_mcp.server.workspace.api import Call, Endpoint, Json, Row, page
from connect_mcp.server.workspace.messages import edit, message, react, say


def _list(call: Call) -> Json:
    sql = "SELECT * FROM authored_messages WHERE channel_id = ?"
    return page(call, sql, (_channel_id(call),), message)


def _post(call: Call) -> Json:
    return say(call, channel_id=_channel_id(call))


def _edit(call: Call) -> Json:
    return edit(call, _message(call))


def _react(call: Call) -> Json:
    return react(call, _message(call))


def _channel_id(call: Call) -> str:
    sql = "SELECT id FROM visible_channels WHERE id = ? AND viewer_id = ?"
    channel_id: str = call.one(sql, call.ids["channel"], call.member_id)["id"]
    return channel_id


def _message(call: Call) -> Row:
    sql = (
        "SELECT messages.* FROM messages JOIN visible_channels ON visible_channels.id = messages.channel_id"
        " WHERE messages.id = ? AND viewer_id = ?"
    )
    return call.one(sql, call.ids["message"], call.member_id)


ENDPOINTS = (
    Endpoint("GET", "/channels/{channel}/messages/", _list),
    Endpoint("POST", "/channels/{channel}/messages/", _post, status=201),
    Endpoint("PATCH", "/channel-messages/{message}/", _edit),
    Endpoint("POST", "/channel-messages/{message}/reactions/", _react),
)
