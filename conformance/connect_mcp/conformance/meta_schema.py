"""Whether what a server calls a JSON Schema is one.

Nearly all schemas are made of a few keywords, whose values the meta-schemas of all drafts in use want alike: they are
looked at here. Whatever else there is goes to jsonschema, which takes a hundred times as long over it and has the last
word on all that is wrong.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

_DRAFTS = (
    "https://json-schema.org/draft/2020-12/schema",
    "https://json-schema.org/draft/2019-09/schema",
    "http://json-schema.org/draft-07/schema",
    "http://json-schema.org/draft-07/schema#",
)
_TYPES = frozenset({"object", "array", "string", "number", "integer", "boolean", "null"})


def invalid_place(schema: Mapping[str, Any]) -> str | None:
    """Where a schema is none by the draft that it names (2020-12 where it names none): `properties/a`, "" for its root.

    None where it is a schema. What is given is not safe to print.
    """
    if is_plain(schema):
        return None
    if not isinstance(schema.get("$schema", ""), str):
        return "$schema"
    import jsonschema

    validator = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    error = next(validator(validator.META_SCHEMA).iter_errors(schema), None)
    return None if error is None else "/".join(str(part) for part in error.absolute_path)


def is_plain(schema: Mapping[str, Any]) -> bool:
    """Whether a schema is certainly one, in each of the drafts 7, 2019-09 and 2020-12."""
    if schema.get("$schema", _DRAFTS[0]) not in _DRAFTS:
        return False
    rest: list[Any] = [{name: value for name, value in schema.items() if name != "$schema"}]
    while rest:
        one = rest.pop()
        if isinstance(one, bool):
            continue
        if not isinstance(one, dict):
            return False
        for name, value in one.items():
            inside = _INSIDE.get(name, _unknown)(value)
            if inside is None:
                return False
            rest += inside
    return True


Inside = Callable[[Any], "Iterable[Any] | None"]
"""The schemas in a keyword's value; None where it is not certain that the value is a right one."""


def _unknown(_value: Any) -> Iterable[Any] | None:
    return None


def _of(*kinds: type) -> Inside:
    """Of these types and no others: JSON's true is no number."""
    return lambda value: () if type(value) in kinds else None


def _anything(_value: Any) -> Iterable[Any] | None:
    return ()


def _count(value: Any) -> Iterable[Any] | None:
    return () if type(value) is int and value >= 0 else None


def _names(value: Any) -> Iterable[Any] | None:
    """Names, each once."""
    texts = isinstance(value, list) and all(isinstance(name, str) for name in value)
    return () if texts and len(set(value)) == len(value) else None


def _types(value: Any) -> Iterable[Any] | None:
    types = [value] if isinstance(value, str) else value
    return () if types and _names(types) is not None and _TYPES.issuperset(types) else None


def _schema(value: Any) -> Iterable[Any] | None:
    return [value]


def _schemas(value: Any) -> Iterable[Any] | None:
    return value if isinstance(value, list) and value else None


def _schemas_by_name(value: Any) -> Iterable[Any] | None:
    return value.values() if isinstance(value, dict) else None


_INSIDE: Mapping[str, Inside] = {
    "type": _types,
    "required": _names,
    "enum": _of(list),
    "examples": _of(list),
    "const": _anything,
    "default": _anything,
    **dict.fromkeys(("title", "description", "format", "pattern", "$ref", "$comment"), _of(str)),
    **dict.fromkeys(("readOnly", "writeOnly", "uniqueItems"), _of(bool)),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), _of(int, float)),
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"), _count),
    **dict.fromkeys(
        ("items", "additionalProperties", "not", "propertyNames", "contains", "if", "then", "else"), _schema
    ),
    **dict.fromkeys(("allOf", "anyOf", "oneOf"), _schemas),
    **dict.fromkeys(("properties", "$defs", "definitions"), _schemas_by_name),
}
