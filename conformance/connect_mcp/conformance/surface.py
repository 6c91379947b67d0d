"""A server's surface: what it offers to its callers, as data that can be kept and compared."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple

from connect_mcp.base.masking import masked
from connect_mcp.base.text import printable

from .result import Inconclusive
from .talk import Talk
from .trial import Trial, listed

VERSION = 1
BYTES_A_TOKEN = 4
"""A rule of thumb for English and JSON; models differ, so what comes of it is an estimate."""

Kind = Literal["breaking", "compatible", "told"]
"""breaking: a caller that was right may be wrong now; compatible: it stays right; told: what models read changed."""

_LISTS = (
    ("tools", "tools", "tools/list", "tools", "name"),
    ("prompts", "prompts", "prompts/list", "prompts", "name"),
    ("resources", "resources", "resources/list", "resources", "uri"),
    ("templates", "resources", "resources/templates/list", "resourceTemplates", "uriTemplate"),
)
"""What is listed: our name, the capability, the method, the result's member and the key that names an item."""


class Difference(NamedTuple):
    """One thing that is not as it was.

    Attributes:
        kind: what it means to callers.
        where: what it is about, safe to print: `tool echo, input text`.
        what: what became of it, safe to print.
    """

    kind: Kind
    where: str
    what: str


def surface(trial: Trial, revision: str) -> dict[str, Any]:
    """What a subject lists in a revision, in the order of its names; nothing is called.

    Raises:
        Ended: where it does not speak the revision, or does not answer.
    """
    found: dict[str, Any] = {"version": VERSION, "revision": revision}
    with trial.open(revision) as talk:
        capabilities = talk.info.get("capabilities")
        offered = capabilities if isinstance(capabilities, Mapping) else {}
        for name, capability, method, member, key in _LISTS:
            items = listed(talk, method, member, key) if capability in offered else ()
            if capability in offered and not items:
                _check_empty(talk, method, member)
            found[name] = {
                str(item[key]): _lasting(item, key) for item in sorted(items, key=lambda item: str(item[key]))
            }
    found["size"] = size(found["tools"])
    return found


def _check_empty(talk: Talk, method: str, member: str) -> None:
    """Make sure that a list is empty and not one that could not be had."""
    answer = talk.ask(method, {})
    result = answer.result
    if not isinstance(result, dict) or not isinstance(result.get(member), list):
        raise Inconclusive(f"{method} is answered with {answer}, without {member}")


def _lasting(item: Mapping[str, Any], key: str) -> dict[str, Any]:
    """An item without its name, and without what may be different at every start."""
    return {name: value for name, value in item.items() if name not in (key, "_meta", "icons")}


def without_secrets(found: Mapping[str, Any], secrets: Iterable[str]) -> dict[str, Any]:
    """A surface whose texts say none of these values, nor what looks like a secret: it is kept where others read it.

    Raises:
        RecursionError: where it is nested too deeply.
    """
    known = tuple(secrets)

    def clean(text: re.Match[str]) -> str:
        return json.dumps(masked(json.loads(text.group()), known))

    cleaned: dict[str, Any] = json.loads(_STRING.sub(clean, json.dumps(found)))
    return cleaned


_STRING = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"')


def size(tools: Mapping[str, Any]) -> dict[str, int]:
    """How much of a model's context the tool list takes: bytes as JSON, and an estimate of tokens."""
    total = len(
        json.dumps([{"name": name, **tool} for name, tool in tools.items()], ensure_ascii=False).encode(
            errors="surrogatepass"
        )
    )
    return {"tools": len(tools), "bytes": total, "tokens_estimated": total // BYTES_A_TOKEN}


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Difference]:
    """What callers of a surface would notice of another one, the breaking first."""
    found = [
        *_tools(before.get("tools", {}), after.get("tools", {})),
        *_prompts(before.get("prompts", {}), after.get("prompts", {})),
        *_named("resource", before.get("resources", {}), after.get("resources", {})),
        *_named("resource template", before.get("templates", {}), after.get("templates", {})),
    ]
    order: Sequence[Kind] = ("breaking", "compatible", "told")
    return sorted(found, key=lambda difference: order.index(difference.kind))


def _named(what: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Difference]:
    for name in before.keys() - after.keys():
        yield Difference("breaking", f"{what} {printable(name)}", "is gone")
    for name in after.keys() - before.keys():
        yield Difference("compatible", f"{what} {printable(name)}", "is new")
    for name in sorted(before.keys() & after.keys()):
        for key in ("title", "description"):
            if before[name].get(key) != after[name].get(key):
                yield Difference("told", f"{what} {printable(name)}", f"has another {key}")


def _tools(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Difference]:
    yield from _named("tool", before, after)
    for name in sorted(before.keys() & after.keys()):
        where, old, new = f"tool {printable(name)}", before[name], after[name]
        yield from _given(f"{where}, input", old.get("inputSchema", {}), new.get("inputSchema", {}))
        yield from _returned(where, old.get("outputSchema"), new.get("outputSchema"))
        hints = _object(old.get("annotations")), _object(new.get("annotations"))
        for hint in sorted(hints[0].keys() | hints[1].keys()):
            if hint != "title" and hints[0].get(hint) != hints[1].get(hint):
                safer = (hint, hints[1].get(hint)) in (("readOnlyHint", True), ("destructiveHint", False))
                said = (
                    f"{printable(hint)} is {json.dumps(hints[1].get(hint))}, and was {json.dumps(hints[0].get(hint))}"
                )
                yield Difference("compatible" if safer else "breaking", where, f"{said}: hosts ask by it")


def _prompts(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Difference]:
    yield from _named("prompt", before, after)
    for name in sorted(before.keys() & after.keys()):
        old, new = (_arguments(side[name]) for side in (before, after))
        for argument in old.keys() | new.keys():
            where = f"prompt {printable(name)}, argument {printable(argument)}"
            if argument not in new:
                yield Difference("breaking", where, "is gone")
            elif new[argument].get("required") and not old.get(argument, {}).get("required"):
                yield Difference("breaking", where, "is required now")
            elif argument not in old:
                yield Difference("compatible", where, "is new")


def _object(value: Any) -> Mapping[str, Any]:
    """An object; an empty one in place of anything else, which a server may well say."""
    return value if isinstance(value, Mapping) else {}


def _arguments(prompt: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    said = prompt.get("arguments")
    rows = map(_object, said if isinstance(said, list) else ())
    return {row["name"]: row for row in rows if isinstance(row.get("name"), str)}


def _given(where: str, old: Any, new: Any) -> Iterator[Difference]:
    """What callers may give: it is breaking where less is taken than before."""
    yield from _compared(where, old, new, breaking_if="narrower")


def _returned(where: str, old: Any, new: Any) -> Iterator[Difference]:
    """What callers get: it is breaking where more may come than before, or less is promised."""
    if old is None or new is None:
        if old is not None:
            yield Difference("breaking", where, "no longer says what it returns")
        elif new is not None:
            yield Difference("compatible", where, "says now what it returns")
        return
    yield from _compared(f"{where}, output", old, new, breaking_if="wider")


def _compared(where: str, old: Any, new: Any, *, breaking_if: Literal["narrower", "wider"]) -> Iterator[Difference]:
    if not _is_sound(old) or not _is_sound(new):
        if old != new:
            yield Difference("breaking", where, "has another schema")
        return
    narrower: Kind = "breaking" if breaking_if == "narrower" else "compatible"
    wider: Kind = "breaking" if breaking_if == "wider" else "compatible"
    yield from _choices(where, "type", _many(old.get("type")), _many(new.get("type")), narrower, wider)
    yield from _choices(where, "enum", old.get("enum"), new.get("enum"), narrower, wider)
    properties = old.get("properties") or {}, new.get("properties") or {}
    required = set(old.get("required") or ()), set(new.get("required") or ())
    for name in sorted(properties[0].keys() - properties[1].keys()):
        yield Difference("breaking", f"{where} {printable(name)}", "is gone")
    for name in sorted(properties[1].keys() - properties[0].keys()):
        demanded = name in required[1] and breaking_if == "narrower"
        yield Difference(
            "breaking" if demanded else "compatible",
            f"{where} {printable(name)}",
            "is new" + (" and required" if demanded else ""),
        )
    for name in sorted(properties[0].keys() & properties[1].keys()):
        inner = f"{where} {printable(name)}"
        if (name in required[0]) != (name in required[1]):
            yield Difference(
                narrower if name in required[1] else wider,
                inner,
                "is required now" if name in required[1] else "is optional now",
            )
        yield from _compared(inner, properties[0][name], properties[1][name], breaking_if=breaking_if)
    if "items" in old or "items" in new:
        yield from _compared(f"{where} items", old.get("items", {}), new.get("items", {}), breaking_if=breaking_if)
    yield from _bounds(where, old, new, narrower, wider)
    rest = _rest(old), _rest(new)
    if rest[0] != rest[1]:
        changed = ", ".join(
            printable(key) for key in sorted(rest[0].keys() | rest[1].keys()) if rest[0].get(key) != rest[1].get(key)
        )
        yield Difference("breaking", where, f"has another {changed}")
    if old.get("description") != new.get("description"):
        yield Difference("told", where, "has another description")


def _is_sound(schema: Any) -> bool:
    """Whether what is compared here has the form that JSON Schema gives it."""
    if not isinstance(schema, Mapping):
        return False
    kinds = {"properties": (dict,), "required": (list,), "enum": (list,), "type": (str, list)}
    fits = all(isinstance(schema[key], kind) for key, kind in kinds.items() if key in schema)
    bounds = [schema[key] for key in (*_LOW, *_HIGH) if key in schema]
    return (
        fits
        and all(isinstance(name, str) for name in schema.get("required", ()))
        and all(isinstance(bound, int | float) for bound in bounds)
    )


_LOW, _HIGH = (
    ("minimum", "exclusiveMinimum", "minLength", "minItems"),
    ("maximum", "exclusiveMaximum", "maxLength", "maxItems"),
)


def _bounds(
    where: str, old: Mapping[str, Any], new: Mapping[str, Any], narrower: Kind, wider: Kind
) -> Iterator[Difference]:
    for keys, sign in ((_LOW, 1), (_HIGH, -1)):
        for key in keys:
            was, now = old.get(key), new.get(key)
            if was != now:
                tighter = now is not None and (was is None or sign * (now - was) > 0)
                yield Difference(
                    narrower if tighter else wider, where, f"{key} is {json.dumps(now)}, and was {json.dumps(was)}"
                )


def _choices(where: str, key: str, old: Any, new: Any, narrower: Kind, wider: Kind) -> Iterator[Difference]:
    if old == new:
        return
    was, now = ({json.dumps(one, sort_keys=True) for one in side} if side is not None else None for side in (old, new))
    said = f"{key} is {printable(json.dumps(new))}, and was {printable(json.dumps(old))}"
    if was is None or (now is not None and now < was):
        yield Difference(narrower, where, said)
    elif now is None or was < now:
        yield Difference(wider, where, said)
    else:
        yield Difference("breaking", where, said)


_JUDGED = {
    "type",
    "enum",
    "properties",
    "required",
    "items",
    "description",
    "title",
    "$schema",
    "examples",
    "default",
    *_LOW,
    *_HIGH,
}


def _rest(schema: Mapping[str, Any]) -> dict[str, Any]:
    """What of a schema has no rule here; any change of it is taken for a breaking one."""
    return {key: value for key, value in schema.items() if key not in _JUDGED}


def _many(kind: Any) -> Any:
    return [kind] if isinstance(kind, str) else kind
