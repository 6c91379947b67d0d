"""The revision in which each request stands alone."""

from collections.abc import Mapping
from typing import Any

from ..case import Case, bare, late, opening, shared
from ..requirement import LEGACY, MODERN
from ..result import NotApplicable
from ..talk import META, Talk, modern_meta
from ..trial import initialize_params
from ..wire import id_key
from .envelope import INVALID_PARAMS, METHOD_NOT_FOUND

UNSUPPORTED = -32022
_NEVER = "1900-01-01"
_CHANGES = ("toolsListChanged", "promptsListChanged", "resourcesListChanged")


def discovers(talk: Talk) -> None:
    """What a server is can be asked first."""
    answer = talk.first_answer(talk.request("server/discover"))
    if answer is None or answer.error is not None:
        raise NotApplicable(f"the server does not speak {MODERN}: server/discover has no result")
    result = talk.fits(answer, "server/discover", "server/discover")
    talk.check(result["supportedVersions"], "supportedVersions is empty")


def served_at_once(talk: Talk) -> None:
    """Any request may be the first."""
    method = _any_list(talk)
    talk.fits(talk.ask(method, {}), method, f"{method} as the first request")


def without_meta(talk: Talk) -> None:
    """A request of this revision says so itself."""
    talk.send({"jsonrpc": "2.0", "id": "bare", "method": "server/discover"})
    talk.expect_error(talk.answer("bare"), "server/discover without _meta", INVALID_PARAMS)


def without_capabilities(talk: Talk) -> None:
    """A request says what its client can do."""
    meta = modern_meta()
    del meta[META + "clientCapabilities"]
    talk.send({"jsonrpc": "2.0", "id": "less", "method": "server/discover", "params": {"_meta": meta}})
    talk.expect_error(talk.answer("less"), "a request without clientCapabilities", INVALID_PARAMS)


def without_client_info(talk: Talk) -> None:
    """Who the client is need not be said."""
    meta = modern_meta()
    del meta[META + "clientInfo"]
    talk.send({"jsonrpc": "2.0", "id": "anonymous", "method": "server/discover", "params": {"_meta": meta}})
    talk.expect_result(talk.answer("anonymous"), "a request without clientInfo")


def unsupported_version(talk: Talk) -> None:
    """A revision that there never was is refused by name."""
    answer = talk.ask("server/discover", **{META + "protocolVersion": _NEVER})
    talk.expect_error(answer, f"a request in {_NEVER}", UNSUPPORTED)
    data = answer.error.get("data")
    talk.check(isinstance(data, dict), "error -32022 has no data")
    talk.check(
        isinstance(data.get("supported"), list) and data["supported"], "error -32022 names no supported versions"
    )
    talk.check(data.get("requested") == _NEVER, "error -32022 does not name the version that was requested")


def removed_methods(talk: Talk) -> None:
    """What earlier revisions had and this one has not is no method."""
    rows: tuple[tuple[str, dict[str, Any]], ...] = (
        ("ping", {}),
        ("logging/setLevel", {"level": "error"}),
        ("resources/subscribe", {"uri": "memo://x"}),
        ("resources/unsubscribe", {"uri": "memo://x"}),
    )
    for method, params in rows:
        talk.expect_error(talk.ask(method, params), f"{method}, which {MODERN} has not,", METHOD_NOT_FOUND)


def unknown_log_level(talk: Talk) -> None:
    """A level that there is not is an invalid parameter."""
    method = _any_list(talk)
    talk.needs("logging")
    talk.expect_error(talk.ask(method, {}, **{META + "logLevel": "shouty"}), "the logLevel shouty", INVALID_PARAMS)


def subscribes(talk: Talk) -> None:
    """A subscription begins with its acknowledgement."""
    ident = talk.request("subscriptions/listen", {"notifications": dict.fromkeys(_CHANGES, True)})
    first = talk.wait(lambda seen: _about(seen, ident) or (seen.kind in ("result", "error") and seen.id == ident))
    talk.check(first, "subscriptions/listen was followed by nothing that carries its id")
    assert first is not None
    if first.kind == "error" and first.value["error"].get("code") == METHOD_NOT_FOUND and not _tells_changes(talk):
        raise NotApplicable("the server declares no changes that could be subscribed to")
    acknowledged = first.method == "notifications/subscriptions/acknowledged"
    talk.check(acknowledged, "the first message of a subscription is not notifications/subscriptions/acknowledged")
    honoured = first.params.get("notifications")
    talk.check(isinstance(honoured, dict), "the acknowledgement does not say which notifications will be sent")
    talk.check(set(honoured or ()) <= set(_CHANGES), "the acknowledgement promises what was not asked for")
    talk.notify("notifications/cancelled", {"requestId": ident})


def subscription_ends(talk: Talk) -> None:
    """A subscription that was cancelled is over."""
    ident = talk.request("subscriptions/listen", {"notifications": {"toolsListChanged": True}})
    first = talk.wait(lambda seen: _about(seen, ident) or (seen.kind in ("result", "error") and seen.id == ident))
    if first is None or first.kind == "error":
        raise NotApplicable("the server takes no subscriptions")
    talk.notify("notifications/cancelled", {"requestId": ident})
    talk.fence()
    talk.unclaimed()
    late = [seen for seen in talk.silence() if _about(seen, ident) or (seen.kind == "result" and seen.id == ident)]
    talk.check(not late, "a subscription that was cancelled went on")


def only_what_was_asked(talk: Talk) -> None:
    """What was not asked for is not sent."""
    ident = talk.request("subscriptions/listen", {"notifications": {}})
    first = talk.wait(lambda seen: _about(seen, ident) or (seen.kind in ("result", "error") and seen.id == ident))
    if first is None or first.kind == "error":
        raise NotApplicable("the server takes no subscriptions")
    honoured = first.params.get("notifications")
    talk.check(not honoured, "a subscription to nothing was acknowledged with notifications that will be sent")
    with talk.preparing("listing meanwhile"):
        talk.ask(_any_list(talk), {})
    sent = [seen for seen in talk.silence() if seen.method.endswith(("/list_changed", "/updated"))]
    talk.check(not sent, f"a subscription to nothing was followed by {sent[0].method if sent else ''}")
    talk.notify("notifications/cancelled", {"requestId": ident})


def old_clients_are_told(talk: Talk) -> None:
    """A server without a handshake says what it speaks to a client that begins with one."""
    for revision in (LEGACY[-1], LEGACY[0]):
        talk.send({"jsonrpc": "2.0", "id": revision, "method": "initialize", "params": initialize_params(revision)})
        answer = talk.answer(revision)
        if answer.error is None:
            raise NotApplicable("the server speaks the revisions with initialize too")
        data = answer.error.get("data")
        supported = data.get("supported") if isinstance(data, dict) else None
        named = supported if isinstance(supported, list) else [answer.error.get("message")]
        talk.check(
            any(MODERN in str(one) for one in named),
            "the error that answers initialize does not name what is supported",
        )


def stateless(talk: Talk) -> None:
    """What was asked before, and in which process, changes nothing."""
    method = _any_list(talk)
    talk.ask("does/not_exist")
    talk.ask(method, {"cursor": "!!bogus!!"})
    here = talk.expect_result(talk.ask(method, {}), f"{method} after requests that failed")
    with talk.another(handshake=False) as other:
        there = other.ask(method, {}).result
    member = method.partition("/")[0]
    same = isinstance(there, dict) and _named(here.get(member)) == _named(there.get(member))
    talk.check(same, f"{method} gives something else in a new process than after requests that failed")


def _named(items: Any) -> list[Any]:
    rows = items if isinstance(items, list) else []
    return sorted(str(row.get("name", row.get("uri"))) for row in rows if isinstance(row, dict))


def _about(seen: Any, ident: Any) -> bool:
    about = seen.meta.get(META + "subscriptionId")
    return seen.kind == "notification" and about is not None and id_key(about) == id_key(ident)


def _tells_changes(talk: Talk) -> bool:
    declared = talk.trial.known(talk.revision).capabilities
    rows = [row for row in declared.values() if isinstance(row, dict)]
    return any(row.get("listChanged") or row.get("subscribe") for row in rows)


def _any_list(talk: Talk) -> str:
    declared = talk.trial.known(talk.revision).capabilities
    for name in ("tools", "prompts", "resources"):
        if name in declared:
            return f"{name}/list"
    raise NotApplicable("the server lists nothing")


CASES: Mapping[str, Case] = {
    "DISCOVER": opening(discovers, spoken=False),
    "MODERN-LIST": bare(served_at_once),
    "MODERN-NOMETA": shared(without_meta),
    "MODERN-NOCAPS": shared(without_capabilities),
    "MODERN-NOINFO": shared(without_client_info),
    "MODERN-UNSUPVER": shared(unsupported_version),
    "MODERN-NOPING": shared(removed_methods),
    "MODERN-LOGLEVEL": shared(unknown_log_level),
    "LISTEN-ACK": shared(subscribes),
    "LISTEN-ONLY": shared(only_what_was_asked),
    "LISTEN-CANCEL": late(subscription_ends),
    "MODERN-ONLY-INIT": bare(old_clients_are_told),
    "MODERN-STATELESS": shared(stateless),
}
