"""Arguments of tools that are repeated in headers, where a tool's schema asks for it with `x-mcp-header`."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Mirrored = tuple[tuple[str, tuple[str, ...]], ...]
"""For each header the last part of its name, and the path to the argument."""

ANNOTATION, PREFIX = "x-mcp-header", "Mcp-Param-"
TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""What a header may be called: RFC 9110, 5.6.2."""


def annotated(schema: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Mapping[str, Any]]]:
    """The properties that ask for it and can be reached from a schema's root over properties alone, by their paths."""
    properties = schema.get("properties") if isinstance(schema, dict) else None
    for name, one in properties.items() if isinstance(properties, dict) else ():
        if isinstance(one, dict):
            if ANNOTATION in one:
                yield (*path, name), one
            yield from annotated(one, (*path, name))


def mirrored(message: Any) -> Iterator[tuple[str, Mirrored]]:
    """Of the tools that an answer lists, the names and what is repeated of their arguments."""
    result = message.get("result") if isinstance(message, dict) else None
    tools = result.get("tools") if isinstance(result, dict) else None
    for tool in tools if isinstance(tools, list) else ():
        if isinstance(tool, dict) and isinstance(tool.get("name"), str):
            found = [(one[ANNOTATION], path) for path, one in annotated(tool.get("inputSchema"))]
            yield tool["name"], tuple((name, path) for name, path in found if is_token(name))


def is_token(name: Any) -> bool:
    """Whether a value can be the name of a header."""
    return isinstance(name, str) and TOKEN.fullmatch(name) is not None


def at(arguments: Any, path: Sequence[str]) -> Any:
    """The argument at a path; None where there is none."""
    for name in path:
        arguments = arguments.get(name) if isinstance(arguments, dict) else None
    return arguments


def as_header(value: Any) -> str | None:
    """An argument as the text that a header carries; None where it carries none."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | str) else None
