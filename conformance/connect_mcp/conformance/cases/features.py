"""Resources, prompts, completion, logging, cancellation: what a server offers beside its tools."""

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Any

from connect_mcp.base.text import printable

from ..case import Case, shared
from ..http_subject import HttpLink
from ..result import NotApplicable, NotObserved
from ..talk import Talk, told
from ..trial import Called, prompt_arguments
from ..wire import Seen
from .envelope import INVALID_PARAMS, METHOD_NOT_FOUND

NOT_FOUND = -32002
_NOWHERE = "nowhere://does-not-exist/7f3a91"
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]*")
_SLOW = 0.4  # seconds that a call must take for something to be done meanwhile
_PROMPT_TIME = 1.0
_LEVELS = ("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency")

_METHODS: Mapping[str, tuple[tuple[str, dict[str, Any]], ...]] = {
    "tools": (("tools/list", {}), ("tools/call", {"name": "x", "arguments": {}})),
    "resources": (("resources/list", {}), ("resources/templates/list", {}), ("resources/read", {"uri": _NOWHERE})),
    "prompts": (("prompts/list", {}), ("prompts/get", {"name": "x"})),
    "completions": (
        ("completion/complete", {"ref": {"type": "ref/prompt", "name": "x"}, "argument": {"name": "a", "value": ""}}),
    ),
    "logging": (("logging/setLevel", {"level": "error"}),),
}
"""The methods that come with a capability; a server that does not declare it does not have them."""


def undeclared_methods(talk: Talk) -> None:
    """A method of a capability that is not declared is none."""
    declared = talk.trial.known(talk.revision).capabilities
    for capability, rows in _METHODS.items():
        if capability in declared or (capability == "logging" and talk.modern) or not _has(talk, capability):
            continue
        for method, params in rows:
            talk.expect_error(
                talk.ask(method, params), f"{method} without the capability {capability}", METHOD_NOT_FOUND
            )
    subscribes = declared.get("resources", {})
    if not talk.modern and not (isinstance(subscribes, dict) and subscribes.get("subscribe")):
        answer = talk.ask("resources/subscribe", {"uri": _NOWHERE})
        talk.expect_error(answer, "resources/subscribe without the capability", METHOD_NOT_FOUND)
    if not talk.judged:
        raise NotApplicable("the server declares every capability")


def resources_fit(talk: Talk) -> None:
    """The list of resources is what the revision says."""
    talk.needs("resources")
    talk.fits(talk.ask("resources/list", {}), "resources/list", "resources/list")


def templates_fit(talk: Talk) -> None:
    """The list of resource templates is what the revision says."""
    talk.needs("resources")
    talk.fits(talk.ask("resources/templates/list", {}), "resources/templates/list", "resources/templates/list")


def uris_are_uris(talk: Talk) -> None:
    """Each resource is named by a URI."""
    for resource in _resources(talk):
        uri = resource["uri"]
        talk.check(
            _SCHEME.fullmatch(uri),
            f"{printable(uri[:120])} is no URI: it has no scheme, or characters that none has",
            resource,
        )


def listed_can_be_read(talk: Talk) -> None:
    """What is listed can be read."""
    for read in _reads(talk):
        result = talk.fits(read.answer, "resources/read", f"reading {printable(str(read.what['uri'])[:120])}")
        talk.check(result.get("contents"), f"reading {printable(str(read.what['uri'])[:120])} gave no contents")


def blobs_are_base64(talk: Talk) -> None:
    """What is binary is base64."""
    for read in _reads(talk):
        result = read.answer.result
        contents = result.get("contents") if isinstance(result, dict) else None
        for content in contents if isinstance(contents, list) else ():
            if isinstance(content, dict) and "blob" in content:
                talk.check(
                    _is_base64(content["blob"]),
                    f"the blob of {printable(str(read.what['uri'])[:120])} is no base64",
                    content,
                )
    if not talk.judged:
        raise NotObserved("no resource that was read is binary")


def unknown_resource(talk: Talk) -> None:
    """A resource that there is not has its own error."""
    talk.needs("resources")
    answer = talk.ask("resources/read", {"uri": _NOWHERE})
    talk.expect_error(answer, "a resource that does not exist", NOT_FOUND)


def unknown_resource_modern(talk: Talk) -> None:
    """A resource that there is not is an invalid parameter."""
    talk.needs("resources")
    answer = talk.ask("resources/read", {"uri": _NOWHERE})
    talk.expect_error(answer, "a resource that does not exist", INVALID_PARAMS)


def unknown_is_not_empty(talk: Talk) -> None:
    """A resource that there is not is no empty one."""
    talk.needs("resources")
    answer = talk.ask("resources/read", {"uri": _NOWHERE})
    empty = isinstance(answer.result, dict) and answer.result.get("contents") == []
    talk.check(not empty, "a resource that does not exist was answered with an empty array of contents")


def subscribing(talk: Talk) -> None:
    """A resource can be subscribed to where that is declared."""
    if not talk.needs("resources").get("subscribe"):
        raise NotApplicable("the server does not declare resources.subscribe")
    uri = _resources(talk)[0]["uri"]
    for method in ("resources/subscribe", "resources/unsubscribe"):
        result = talk.expect_result(talk.ask(method, {"uri": uri}), method)
        talk.check(isinstance(result, dict), f"the result of {method} is no object")


def prompts_fit(talk: Talk) -> None:
    """The list of prompts is what the revision says."""
    talk.needs("prompts")
    talk.fits(talk.ask("prompts/list", {}), "prompts/list", "prompts/list")


def prompt_given(talk: Talk) -> None:
    """What is listed can be got."""
    talk.needs("prompts")
    gets = talk.tour.gets
    if not gets:
        raise NotApplicable("the server lists no prompts")
    for get in gets:
        if get.answer.error is None:
            talk.fits(get.answer, "prompts/get", f"getting the prompt {printable(str(get.what['name'])[:80])}")
    if not talk.judged:
        raise NotObserved("every prompt refused the arguments that were made up for it")


def prompt_without_argument(talk: Talk) -> None:
    """A required argument of a prompt is required."""
    talk.needs("prompts")
    for prompt in talk.tour.prompts:
        arguments = prompt_arguments(prompt)
        listed = prompt.get("arguments")
        rows = listed if isinstance(listed, list) else []
        required = [row for row in rows if isinstance(row, dict) and row.get("required") is True]
        needed = [row["name"] for row in required if row.get("name") in arguments]
        if needed:
            given = {name: value for name, value in arguments.items() if name != needed[0]}
            answer = talk.ask("prompts/get", {"name": prompt["name"], "arguments": given})
            about = (
                f"the prompt {printable(prompt['name'][:80])} without {printable(needed[0][:80])}, which it requires,"
            )
            talk.expect_error(answer, about, INVALID_PARAMS)
            return
    raise NotApplicable("no prompt requires an argument")


def completing(talk: Talk) -> None:
    """A completion has at most a hundred values."""
    answer = talk.ask("completion/complete", _completion(talk))
    result = talk.fits(answer, "completion/complete", "completion/complete")
    values = result["completion"]["values"]
    talk.check(len(values) <= 100, f"a completion has {len(values)} values, and 100 are the most")


def level_set(talk: Talk) -> None:
    """Each level of the list can be set."""
    talk.needs("logging")
    for level in _LEVELS:
        result = talk.expect_result(talk.ask("logging/setLevel", {"level": level}), f"logging/setLevel {level}")
        talk.check(isinstance(result, dict), "the result of logging/setLevel is no object")


def nothing_below_the_level(talk: Talk) -> None:
    """What is less severe than was asked for is not sent."""
    talk.needs("logging")
    with talk.preparing("setting the level"):
        talk.expect_result(talk.ask("logging/setLevel", {"level": "emergency"}), "logging/setLevel emergency")
    talk.unclaimed()
    for call in talk.tour.calls[:3]:
        talk.ask("tools/call", dict(call.params))
    talk.ask("does/not_exist")
    talk.fence()
    below = [seen for seen in talk.unclaimed() if seen.method == "notifications/message" and _below(seen)]
    talk.check(not below, "below the level emergency, which was set, the server still sent notifications/message")


def cancelling_the_unknown(talk: Talk) -> None:
    """A cancellation of what does not run is ignored."""
    talk.notify("notifications/cancelled", {"requestId": "never-sent", "reason": "a test"})
    _ignored(talk, "a cancellation of a request that was never sent")


def cancelling_what_is_done(talk: Talk) -> None:
    """A cancellation that comes too late is ignored."""
    done = talk.ask("tools/list" if "tools" in talk.trial.known(talk.revision).capabilities else "does/not_exist", {})
    talk.notify("notifications/cancelled", {"requestId": done.seen.id})
    _ignored(talk, "a cancellation of a request that was answered")


def cancelling(talk: Talk) -> None:
    """A call that was cancelled is not answered."""
    if talk.modern and talk.link.transport == "http":
        raise NotApplicable("over HTTP a client cancels by closing the stream, and hears nothing after that")
    if isinstance(talk.link, HttpLink) and talk.link.session is None:
        raise NotApplicable("the server makes no sessions, so that it cannot know which request is meant")
    call = _slow(talk)
    ident = talk.request("tools/call", dict(call.params))
    talk.listen(_SLOW / 4)
    talk.notify("notifications/cancelled", {"requestId": ident})
    came = talk.listen(call.answer.seconds + 0.3)
    talk.fence()
    came += talk.unclaimed()
    late = [seen for seen in came if seen.kind in ("result", "error") and seen.id == ident]
    talk.check(not late, f"a call that was cancelled was answered with {told(late[0]) if late else ''}")


def pinging_meanwhile(talk: Talk) -> None:
    """A ping is answered while a call runs."""
    call = _slow(talk)
    ident = talk.request("tools/call", dict(call.params))
    pong = talk.ask("ping")
    early = pong.seconds < min(_PROMPT_TIME, call.answer.seconds * 0.75)
    talk.check(early, f"a ping during a call of {call.answer.seconds:.1f} s was answered after {pong.seconds:.1f} s")
    talk.answer(ident)


def _has(talk: Talk, capability: str) -> bool:
    """Whether the revision has the capability at all: 2024-11-05 completes without declaring it."""
    return capability != "completions" or talk.revision != "2024-11-05"


def _resources(talk: Talk) -> tuple[Mapping[str, Any], ...]:
    talk.needs("resources")
    if not talk.tour.resources:
        raise NotApplicable("the server lists no resources")
    return talk.tour.resources


def _reads(talk: Talk) -> tuple[Called, ...]:
    _resources(talk)
    if not talk.tour.reads:
        raise NotObserved("no resource could be read")
    return talk.tour.reads


def _is_base64(value: Any) -> bool:
    try:
        base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError, TypeError):
        return False
    return True


def _completion(talk: Talk) -> dict[str, Any]:
    """What can be completed: an argument of a prompt, or of a template."""
    talk.needs("completions")
    for prompt in talk.tour.prompts:
        for name in prompt_arguments(prompt):
            return {"ref": {"type": "ref/prompt", "name": prompt["name"]}, "argument": {"name": name, "value": ""}}
    for template in talk.tour.templates:
        if found := re.search(r"\{[+#./;?&]?(\w+)", template["uriTemplate"]):
            reference = {"type": "ref/resource", "uri": template["uriTemplate"]}
            return {"ref": reference, "argument": {"name": found[1], "value": ""}}
    raise NotApplicable("there is no argument to complete")


def _below(seen: Seen) -> bool:
    level = seen.params.get("level")
    return level in _LEVELS and level != "emergency"


def _ignored(talk: Talk, about: str) -> None:
    came = [seen for seen in talk.silence() if seen.kind in ("result", "error", "none")]
    talk.check(not came, f"{about} was answered with {told(came[0]) if came else ''}")


def _slow(talk: Talk) -> Called:
    """A tool that may be called and takes a while."""
    talk.needs("tools")
    calls = sorted(talk.tour.calls, key=lambda call: -call.answer.seconds)
    if not calls or calls[0].answer.seconds < _SLOW:
        raise NotApplicable(f"no tool that was called took {_SLOW:g} s, so that nothing can be done meanwhile")
    return calls[0]


CASES: Mapping[str, Case] = {
    "CAP-UNDECL": shared(undeclared_methods),
    "RES-SCHEMA": shared(resources_fit),
    "RES-TEMPLATES": shared(templates_fit),
    "RES-URI": shared(uris_are_uris),
    "RES-READ": shared(listed_can_be_read),
    "RES-BLOB": shared(blobs_are_base64),
    "RES-NF": shared(unknown_resource),
    "RES-NF-2026": shared(unknown_resource_modern),
    "RES-NF-EMPTY": shared(unknown_is_not_empty),
    "RES-SUBSCRIBE": shared(subscribing),
    "PROMPTS-SCHEMA": shared(prompts_fit),
    "PROMPT-GET": shared(prompt_given),
    "PROMPT-MISSARG": shared(prompt_without_argument),
    "COMPLETE": shared(completing),
    "LOG-SET": shared(level_set),
    "LOG-THRESHOLD": shared(nothing_below_the_level),
    "CANCEL-UNKNOWN": shared(cancelling_the_unknown),
    "CANCEL-DONE": shared(cancelling_what_is_done),
    "CANCEL-INFLIGHT": shared(cancelling),
    "PING-DURING-CALL": shared(pinging_meanwhile),
}
