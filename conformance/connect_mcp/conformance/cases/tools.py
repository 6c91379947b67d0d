"""Tools: what is listed, and what a call gives."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connect_mcp.base.text import printable

from ..arguments import accepts
from ..case import Case, shared
from ..meta_schema import invalid_place
from ..mirrored import ANNOTATION, annotated, is_token
from ..requirement import REVISIONS
from ..result import NotApplicable, NotObserved
from ..talk import Answer, Talk, modern_meta
from ..trial import Called
from .envelope import HEADER_MISMATCH, INVALID_PARAMS, INVALID_REQUEST

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_DATA = ("const", "default", "enum", "examples")  # keywords of JSON Schema whose values are no schemas
_TRACES = (
    re.compile(r"Traceback \(most recent call last\)"),
    re.compile(r'^\s*File "[^"]+", line \d+', re.MULTILINE),
    re.compile(r"^\s+at .+ \((?:file://|/|node:|[A-Z]:\\).+:\d+:\d+\)", re.MULTILINE),
    re.compile(r"^goroutine \d+ \[", re.MULTILINE),
    re.compile(r"thread '[^']*' panicked at"),
)
_SINCE_TOOL_ERRORS = REVISIONS.index("2025-11-25")
NO_SUCH_TOOL = "no_such_tool_xyz"


def list_fits(talk: Talk) -> None:
    """The list of tools is what the revision says."""
    talk.needs("tools")
    talk.fits(talk.ask("tools/list", {}), "tools/list", "tools/list")


def schemas_are_schemas(talk: Talk) -> None:
    """Each schema of a tool is a valid one, in its own dialect."""
    for tool in _tools(talk):
        for name in ("inputSchema", "outputSchema"):
            if name == "inputSchema" or name in tool:
                _a_schema(talk, tool, name)


def names_are_plain(talk: Talk) -> None:
    """The names of tools are made of what every host can pass on."""
    for tool in _tools(talk):
        why = f"the name {printable(json.dumps(tool['name'])[:160])} is not 1 to 128 of A-Z a-z 0-9 _ . -"
        talk.check(_NAME.fullmatch(tool["name"]), why, tool)


def names_differ(talk: Talk) -> None:
    """No two tools have the same name."""
    names = [tool["name"] for tool in _tools(talk)]
    twice = sorted({name for name in names if names.count(name) > 1})
    talk.check(not twice, f"more than one tool is called {printable(', '.join(twice[:5]))}", names)


def order_stays(talk: Talk) -> None:
    """The same list comes twice."""
    talk.needs("tools")
    one, two = (talk.expect_result(talk.ask("tools/list", {}), "tools/list") for _ in range(2))
    names = [[tool.get("name") for tool in result.get("tools", [])] for result in (one, two)]
    talk.check(names[0] == names[1], "tools/list gave the tools in another order the second time")


def unknown_tool(talk: Talk) -> None:
    """A tool that there is not is an error of the protocol."""
    talk.needs("tools")
    answer = talk.ask("tools/call", {"name": NO_SUCH_TOOL, "arguments": {}})
    told = "a tool result with isError" if _is_tool_error(answer) else str(answer)
    talk.check(answer.code == INVALID_PARAMS, f"a tool that does not exist was answered with {told}, not with -32602")


def arguments_as_array(talk: Talk) -> None:
    """A call whose arguments are no object is malformed."""
    answer = talk.ask("tools/call", {"name": _calls(talk)[0].params["name"], "arguments": [1]})
    talk.expect_error(answer, "tools/call with an array of arguments", INVALID_PARAMS, INVALID_REQUEST)


def missing_argument(talk: Talk) -> None:
    """A call without a required argument fails, in a way that a model can read."""
    tool, arguments = _with_required(talk)
    _refuses_input(talk, tool, {key: arguments[key] for key in arguments if key != tool["inputSchema"]["required"][0]})


def mistyped_argument(talk: Talk) -> None:
    """A call with an argument of the wrong type fails, in a way that a model can read."""
    tool, arguments = _with_required(talk)
    schema = tool["inputSchema"]
    for name in schema["required"]:
        wrongs: tuple[Any, ...] = ({"a": []}, [{}], "a", 5)
        for wrong in wrongs:
            changed = {**arguments, name: wrong}
            if not accepts(schema, changed):
                _refuses_input(talk, tool, changed)
                return
    raise NotApplicable("every required argument of the tools that may be called takes any value")


def without_arguments(talk: Talk) -> None:
    """Where a tool requires nothing, arguments may be left out."""
    for call in _calls(talk):
        if accepts(call.what["inputSchema"], {}):
            answer = talk.ask("tools/call", {"name": call.params["name"]})
            same = "result" in answer.seen.value and _is_tool_error(answer) == _is_tool_error(
                talk.ask("tools/call", {"name": call.params["name"], "arguments": {}})
            )
            talk.check(
                same, f"{call.params['name']} without arguments was answered otherwise than with an empty object"
            )
            return
    raise NotApplicable("every tool that may be called requires an argument")


def result_fits(talk: Talk) -> None:
    """What a call gives is what the revision says."""
    for call in _calls(talk):
        if call.answer.error is None:
            talk.fits(call.answer, "tools/call", f"the call of {printable(call.params['name'])}")
    if not talk.judged:
        raise NotObserved("no call was answered with a result")


def structured_as_promised(talk: Talk) -> None:
    """A tool that says what it gives gives that."""
    for call in _promised(talk):
        name = printable(call.params["name"])
        given = call.answer.result.get("structuredContent")
        talk.check(
            given is not None,
            f"{name} has an outputSchema, and its result no structuredContent",
            call.answer.seen.value,
        )
        kept = accepts(call.what["outputSchema"], given)
        why = f"the structuredContent of {name} is not what it promised"
        talk.check(kept, why, call.what["outputSchema"], call.answer.seen.value)


def structured_as_text_too(talk: Talk) -> None:
    """What is structured is told as text as well."""
    for call in _promised(talk):
        texts = [block for block in call.answer.result.get("content", ()) if block.get("type") == "text"]
        talk.check(
            texts,
            f"the result of {printable(call.params['name'])} has structuredContent and no text",
            call.answer.seen.value,
        )


def no_traces(talk: Talk) -> None:
    """A failure tells what happened, and not where in the code."""
    found = list(_failures(talk))
    if not found:
        raise NotObserved("no call failed")
    for name, text in found:
        trace = next((form for form in _TRACES if form.search(text)), None)
        talk.check(trace is None, f"a failure of {printable(name)} shows a stack trace", text)


def header_names(talk: Talk) -> None:
    """What is to be repeated in a header can be."""
    for tool in _tools(talk):
        seen: set[str] = set()
        for _, schema in annotated(tool.get("inputSchema")):
            name = schema[ANNOTATION]
            about = f"x-mcp-header of {printable(tool['name'])}"
            talk.check(is_token(name), f"{about} is no name of a header", tool)
            talk.check(name.lower() not in seen, f"{about} gives {printable(name)} twice", tool)
            primitive = schema.get("type") in ("integer", "string", "boolean")
            talk.check(primitive, f"{about} is on a parameter that is no integer, string or boolean", tool)
            seen.add(name.lower())
    if not talk.judged:
        raise NotObserved("no tool asks for its parameters in headers")


def header_places(talk: Talk) -> None:
    """What is to be repeated in a header has one place in the arguments."""
    for tool in _tools(talk):
        reached = sum(1 for _ in annotated(tool.get("inputSchema")))
        if found := _annotations(tool.get("inputSchema")):
            about = f"the inputSchema of {printable(tool['name'])}"
            talk.check(found <= reached, f"{about} has x-mcp-header where properties alone do not lead", tool)
    if not talk.judged:
        raise NotObserved("no tool asks for its parameters in headers")


def input_is_asked_for(talk: Talk) -> None:
    """A result that asks for input says what for, and only what the client can give."""
    for call, answer in _asking(talk):
        about = f"the result of {printable(call.params['name'])}"
        requests = answer.result.get("inputRequests")
        talk.check(requests or "requestState" in answer.result, f"{about} has neither inputRequests nor requestState")
        asked = requests.values() if isinstance(requests, dict) else ()
        methods = {one.get("method") for one in asked if isinstance(one, dict)}
        talk.check(methods <= set(_INPUTS), f"{about} asks for {printable(str(methods - set(_INPUTS)))}")


def input_needs_the_capability(talk: Talk) -> None:
    """A client that cannot be asked is told what it lacks."""
    refusals = [call for call in _calls(talk) if call.answer.code == -32021]
    for call in refusals:
        data = call.answer.error.get("data")
        needed = data.get("requiredCapabilities") if isinstance(data, dict) else None
        talk.check(
            isinstance(needed, dict), f"error -32021 of {printable(call.params['name'])} has no requiredCapabilities"
        )
    for call, _ in _asking(talk):
        # A tool may also do without; what it may not do is ask all the same, or fail in another way.
        without = call.answer.code == -32021 or (call.answer.error is None and not _asks(call.answer))
        told = "a request for input" if _asks(call.answer) else str(call.answer)
        name = printable(call.params["name"])
        talk.check(
            without,
            f"{name} asks for input, and a client that cannot be asked was answered with {told}",
            call.answer.seen.value,
        )
    if not talk.judged:
        raise NotObserved("no tool that was called asks for input")


def invalid_cursor(talk: Talk) -> None:
    """A cursor that was never given out is refused."""
    method = _list_method(talk)
    talk.expect_error(talk.ask(method, {"cursor": "!!bogus!!"}), f"{method} with a made-up cursor", INVALID_PARAMS)


def mistyped_cursor(talk: Talk) -> None:
    """A cursor is a text."""
    method = _list_method(talk)
    answer = talk.ask(method, {"cursor": 5})
    talk.expect_error(answer, f"{method} with a number as cursor", INVALID_PARAMS, INVALID_REQUEST)


def pages_end(talk: Talk) -> None:
    """Following the cursors comes to an end, and nothing comes twice."""
    several = False
    for method, member, label in _LISTS:
        if method.partition("/")[0] in talk.trial.known(talk.revision).capabilities:
            several = _follow(talk, method, member, label) or several
    if not several:
        raise NotApplicable("everything is on one page")


def pages_share_a_scope(talk: Talk) -> None:
    """All pages of a list may be kept for the same callers."""
    talk.needs("tools")
    first = talk.expect_result(talk.ask("tools/list", {}), "tools/list")
    cursor, pages = first.get("nextCursor"), 0
    while isinstance(cursor, str) and pages < _MOST_PAGES:
        pages += 1
        result = talk.expect_result(talk.ask("tools/list", {"cursor": cursor}), "tools/list")
        same = result.get("cacheScope") == first.get("cacheScope")
        talk.check(same, "a later page of tools/list has another cacheScope than the first")
        cursor = result.get("nextCursor")
    if not pages:
        raise NotApplicable("all tools are on one page")


_MOST_PAGES = 200
_LISTS = (
    ("tools/list", "tools", "name"),
    ("prompts/list", "prompts", "name"),
    ("resources/list", "resources", "uri"),
    ("resources/templates/list", "resourceTemplates", "uriTemplate"),
)
_INPUTS = ("elicitation/create", "sampling/createMessage", "roots/list")
_CAPABLE: Mapping[str, Any] = {"elicitation": {"form": {}, "url": {}}, "sampling": {}, "roots": {}}


def _follow(talk: Talk, method: str, member: str, label: str) -> bool:
    """Follow the pages of one list; whether there is more than one."""
    cursor: Any = None
    cursors: list[str] = []
    items: list[Any] = []
    while True:
        result = talk.expect_result(talk.ask(method, {} if cursor is None else {"cursor": cursor}), method)
        page = result.get(member)
        items += [item.get(label) for item in page if isinstance(item, dict)] if isinstance(page, list) else []
        cursor = result.get("nextCursor")
        if cursor is None:
            break
        talk.check(isinstance(cursor, str), f"the nextCursor of {method} is no text")
        talk.check(cursor not in cursors, f"{method} leads in a circle: a nextCursor came twice")
        cursors.append(cursor)
        talk.check(len(cursors) < _MOST_PAGES, f"{method} has no end after {_MOST_PAGES} pages")
    twice = [item for item in items if items.count(item) > 1] if len(items) < 5000 else []
    talk.check(not twice, f"{method} lists {printable(str(twice[:1])[1:-1])} on more than one page")
    return bool(cursors)


def _tools(talk: Talk) -> Sequence[Mapping[str, Any]]:
    talk.needs("tools")
    if not talk.tour.tools:
        raise NotApplicable("the server lists no tools")
    return talk.tour.tools


def _calls(talk: Talk) -> Sequence[Called]:
    _tools(talk)
    if not talk.tour.calls:
        raise NotObserved("no tool could be called: see --call-tools and --example")
    return talk.tour.calls


def _promised(talk: Talk) -> Sequence[Called]:
    """The calls that gave a result, of tools that say what they give."""
    found = [
        call
        for call in _calls(talk)
        if isinstance(call.what.get("outputSchema"), dict)
        and isinstance(call.answer.result, dict)
        and not _is_tool_error(call.answer)
        and not _asks(call.answer)
    ]
    if not found:
        raise NotObserved("no tool with an outputSchema could be called with success")
    return found


def _failures(talk: Talk) -> Iterator[tuple[str, str]]:
    for call in _calls(talk):
        if call.answer.error is not None or _is_tool_error(call.answer):
            # The texts themselves, not as JSON: a line end in them must be one.
            yield call.params["name"], "\n".join(_texts(call.answer.seen.value))
    if "tools" in talk.trial.known(talk.revision).capabilities:
        answer = talk.ask(
            "tools/call", {"name": talk.tour.calls[0].params["name"], "arguments": {"\u0000": {"x": [1]}}}
        )
        if answer.error is not None or _is_tool_error(answer):
            yield talk.tour.calls[0].params["name"], "\n".join(_texts(answer.seen.value))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def _is_tool_error(answer: Answer) -> bool:
    return isinstance(answer.result, dict) and answer.result.get("isError") is True


def _asks(answer: Answer) -> bool:
    return isinstance(answer.result, dict) and answer.result.get("resultType") == "input_required"


def _asking(talk: Talk) -> Iterator[tuple[Called, Answer]]:
    """The tools that ask a client for input that says that it can be asked, with what they answer it."""
    meta = modern_meta(capabilities=_CAPABLE)
    found = False
    for call in _calls(talk):
        answer = talk.ask("tools/call", dict(call.params), **meta)
        if _asks(answer):
            found = True
            yield call, answer
    if not found and not talk.judged:
        raise NotObserved("no tool that was called asks for input")


def _a_schema(talk: Talk, tool: Mapping[str, Any], name: str) -> None:
    schema = tool.get(name)
    about = f"the {name} of {printable(tool['name'][:80])}"
    talk.check(isinstance(schema, dict), f"{about} is no object", tool)
    assert isinstance(schema, dict)
    if name == "inputSchema" or talk.revision < REVISIONS[-1]:
        talk.check(schema.get("type") == "object", f'{about} has no "type": "object"', schema)
    where = invalid_place(schema)
    talk.check(
        where is None, f"{about} is no valid JSON Schema: look at {printable(where or '') or 'its root'}", schema
    )


def _with_required(talk: Talk) -> tuple[Mapping[str, Any], dict[str, Any]]:
    """A tool that may be called and requires an argument, with arguments that it takes."""
    for call in _calls(talk):
        required = call.what["inputSchema"].get("required")
        if isinstance(required, list) and required and required[0] in call.params["arguments"]:
            return call.what, dict(call.params["arguments"])
    raise NotApplicable("no tool that may be called requires an argument")


def _refuses_input(talk: Talk, tool: Mapping[str, Any], arguments: Mapping[str, Any]) -> None:
    answer = talk.ask("tools/call", {"name": tool["name"], "arguments": dict(arguments)})
    if answer.code == HEADER_MISMATCH and talk.modern and talk.link.transport == "http":
        raise NotObserved("the headers were refused, in which no value of another type can be repeated")
    about = f"{printable(tool['name'])} with arguments that its schema refuses"
    if REVISIONS.index(talk.revision) >= _SINCE_TOOL_ERRORS:
        talk.check(_is_tool_error(answer), f"{about} was answered with {answer}, not with a tool result with isError")
    else:
        fine = _is_tool_error(answer) or answer.code == INVALID_PARAMS
        talk.check(fine, f"{about} was answered with {answer}, not with isError or -32602")


def _annotations(schema: Any) -> int:
    """How many subschemas have x-mcp-header, wherever they are; what is data and no schema is left out."""
    found = 0
    rest = [schema]
    while rest:
        one = rest.pop()
        if isinstance(one, list):
            rest += one
        elif isinstance(one, dict):
            found += isinstance(one.get(ANNOTATION), str)
            rest += [value for name, value in one.items() if name not in _DATA]
    return found


def _list_method(talk: Talk) -> str:
    declared = talk.trial.known(talk.revision).capabilities
    for method, _, _ in _LISTS:
        if method.partition("/")[0] in declared:
            return method
    raise NotApplicable("the server lists nothing")


CASES: Mapping[str, Case] = {
    "TOOLS-SCHEMA": shared(list_fits),
    "TOOLS-INSCHEMA": shared(schemas_are_schemas),
    "TOOLS-NAMES": shared(names_are_plain),
    "TOOLS-UNIQUE": shared(names_differ),
    "TOOLS-ORDER": shared(order_stays),
    "TOOLS-XHEADER": shared(header_names),
    "TOOLS-XHEADER-PLACE": shared(header_places),
    "TOOL-UNKNOWN": shared(unknown_tool),
    "TOOL-ARGSARR": shared(arguments_as_array),
    "TOOL-MISSARG": shared(missing_argument),
    "TOOL-BADTYPE": shared(mistyped_argument),
    "TOOL-NOARGS": shared(without_arguments),
    "TOOL-RESULT": shared(result_fits),
    "TOOL-OUTPUT": shared(structured_as_promised),
    "TOOL-OUTPUT-TEXT": shared(structured_as_text_too),
    "TOOL-LEAK": shared(no_traces),
    "CURSOR-BAD": shared(invalid_cursor),
    "CURSOR-TYPE": shared(mistyped_cursor),
    "PAGES": shared(pages_end),
    "CACHE-PAGES": shared(pages_share_a_scope),
    "INPUT-ASKED": shared(input_is_asked_for),
    "MODERN-CAPERR": shared(input_needs_the_capability),
}
