"""Arguments for a tool, made from its own input schema, and whether it may be called at all."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .trial import Options

_DEEPEST = 6


def arguments_for(tool: Mapping[str, Any], options: "Options") -> tuple[dict[str, Any] | None, str]:
    """Arguments that the tool's input schema accepts, or None and why the tool is not called.

    A tool is called where its annotations say that it is read-only, where an example is given for it, or where the
    user allows it for all.
    """
    name = tool["name"]
    if name in options.examples:
        return dict(options.examples[name]), ""
    annotations = tool.get("annotations")
    read_only = isinstance(annotations, dict) and annotations.get("readOnlyHint") is True
    if not read_only and not options.call_tools:
        return None, "it is not annotated as read-only"
    schema = tool.get("inputSchema")
    if not isinstance(schema, dict):
        return None, "it has no input schema"
    made = instance_of(schema, schema, 0)
    if not isinstance(made, dict) or not accepts(schema, made):
        return None, "no arguments could be made from its schema: give some with --example"
    return made, ""


def accepts(schema: Mapping[str, Any], value: Any) -> bool:
    """Whether a schema accepts a value; one that is no schema accepts nothing."""
    import jsonschema  # 100 ms, needed where a tool is called
    from referencing.exceptions import Unresolvable

    try:
        validator = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
        return bool(validator(schema).is_valid(value))
    except (jsonschema.SchemaError, Unresolvable, RecursionError, TypeError, ValueError, AttributeError):
        return False


def instance_of(schema: Any, root: Mapping[str, Any], depth: int) -> Any:
    """A small value that a schema probably accepts: what it names as an example, or the least that its type allows."""
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return "a"
    for name in ("const", "default"):
        if name in schema:
            return schema[name]
    for name in ("examples", "enum"):
        if isinstance(schema.get(name), list) and schema[name]:
            return schema[name][0]
    if isinstance(reference := schema.get("$ref"), str):
        return instance_of(resolved(reference, root), root, depth + 1)
    for name in ("anyOf", "oneOf", "allOf"):
        if isinstance(schema.get(name), list) and schema[name] and "properties" not in schema:
            return instance_of(schema[name][0], root, depth + 1)
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((one for one in kind if one != "null"), "null")
    return _typed(kind, schema, root, depth)


def _typed(kind: Any, schema: dict[str, Any], root: Mapping[str, Any], depth: int) -> Any:
    if kind == "object" or "properties" in schema:
        properties = schema.get("properties")
        rows = properties if isinstance(properties, dict) else {}
        required = schema.get("required")
        names = required if isinstance(required, list) else []
        return {name: instance_of(rows.get(name, {}), root, depth + 1) for name in names if isinstance(name, str)}
    if kind == "array":
        return [instance_of(schema.get("items", {}), root, depth + 1)] * _least(schema, "minItems")
    if kind in ("integer", "number"):
        return _number(schema)
    if kind == "boolean":
        return False
    return None if kind == "null" else _text(schema)


def _number(schema: Mapping[str, Any]) -> Any:
    if isinstance(low := schema.get("minimum"), int | float):
        return low
    if isinstance(low := schema.get("exclusiveMinimum"), int | float) and not isinstance(low, bool):
        return low + 1
    if isinstance(high := schema.get("maximum"), int | float):
        return min(1, high)
    return 1


_FORMATS = {
    "date": "2026-01-01",
    "date-time": "2026-01-01T00:00:00Z",
    "time": "00:00:00Z",
    "email": "someone@example.com",
    "hostname": "example.com",
    "ipv4": "127.0.0.1",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def _text(schema: Mapping[str, Any]) -> str:
    text = _FORMATS.get(str(schema.get("format")), "a")
    return text + "a" * max(0, _least(schema, "minLength") - len(text))


def _least(schema: Mapping[str, Any], name: str) -> int:
    least = schema.get(name)
    return min(least, 1000) if isinstance(least, int) and least > 0 else 0


def resolved(reference: str, root: Mapping[str, Any]) -> Any:
    """What a `$ref` within a schema points at; None where it points nowhere."""
    value: Any = root
    for part in reference.removeprefix("#").strip("/").split("/"):
        part = part.replace("~1", "/").replace("~0", "~")
        value = value.get(part) if isinstance(value, dict) else None
    return value
