"""What a tool's row is made of. Imported before tools/list is answered: plain classes, no dataclasses.

Annotations say what the call may do, by one rule each: it *destroys* if it can replace or take away something that
exists, it is *idempotent* if doing it twice leaves what doing it once does, it is *open* if it reaches the API, where
other people's words come from.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, TypeAlias

    Property: TypeAlias = dict[str, Any]


class Request:
    """The REST request that a tool makes.

    Attributes:
        method: the HTTP method.
        path: below the base URL; `{argument}` stands for an argument's value as one path segment, `{space_id}` for the
            id of the workspace that the argument `workspace_slug` names.
        query: query parameters, by the argument that holds each one's value.
        body: keys of the JSON body, by the argument that holds each one's value; None for a request without a body.
        fixed: keys that are always sent with the same value, in the body if there is one and in the query otherwise.
        when_true: for a boolean argument, the key and value that are sent if it is true, at the same place.
    """

    __slots__ = ("body", "fixed", "method", "path", "query", "when_true")

    def __init__(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, str] | None = None,
        fixed: Mapping[str, Any] | None = None,
        when_true: Mapping[str, tuple[str, Any]] | None = None,
    ) -> None:
        self.method = method
        self.path = path
        self.query = query or {}
        self.body = body
        self.fixed = fixed or {}
        self.when_true = when_true or {}


class Tool:
    """One tool: what a client is shown, and what a call does.

    Attributes:
        name: as in tools/call.
        title: for people.
        description: for a model: what it does, what comes back, where the ids come from.
        properties: the arguments' schemas by name.
        required: the arguments that must be given.
        one_of: arguments of which at least one must be given.
        annotations: the four hints.
        request: what goes to the API; None where a function of its own does it (quiz drafts).
        returns: what is known of the answer's fields, by name.
    """

    __slots__ = (
        "annotations",
        "description",
        "name",
        "one_of",
        "properties",
        "request",
        "required",
        "returns",
        "title",
    )

    def __init__(
        self,
        name: str,
        title: str,
        description: str,
        annotations: dict[str, bool],
        request: Request | None = None,
        *,
        required: Mapping[str, Property] | None = None,
        optional: Mapping[str, Property] | None = None,
        one_of: Mapping[str, Property] | None = None,
        returns: Mapping[str, Property],
    ) -> None:
        self.name = name
        self.title = title
        self.description = description
        self.annotations = annotations
        self.request = request
        self.returns = returns
        self.required = tuple(required or ())
        self.one_of = tuple(one_of or ())
        self.properties: dict[str, Property] = {**(required or {}), **(one_of or {}), **(optional or {})}

    @property
    def input_schema(self) -> dict[str, Any]:
        """The JSON Schema of the arguments."""
        schema: dict[str, Any] = {"type": "object", "properties": self.properties, "additionalProperties": False}
        if self.required:
            schema["required"] = list(self.required)
        return schema

    @property
    def output_schema(self) -> dict[str, Any]:
        """The JSON Schema of the structured content: open, and nothing in it is required."""
        return {"type": "object", "properties": dict(self.returns)}

    def listing(self) -> dict[str, Any]:
        """The tool as tools/list shows it."""
        return {
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "inputSchema": self.input_schema,
            "outputSchema": self.output_schema,
            "annotations": {"title": self.title, **self.annotations},
        }


def _hints(*, reads: bool = False, destroys: bool = False, idempotent: bool = False, is_open: bool = True) -> Any:
    return {
        "readOnlyHint": reads,
        "destructiveHint": destroys,
        "idempotentHint": idempotent,
        "openWorldHint": is_open,
    }


READS = _hints(reads=True, idempotent=True)
ADDS = _hints()
MARKS = _hints(idempotent=True)
TOGGLES = _hints(destroys=True)
REPLACES = _hints(destroys=True, idempotent=True)
PUBLISHES = _hints(destroys=True)
DRAFT_READS = _hints(reads=True, idempotent=True, is_open=False)
DRAFT_ADDS = _hints(is_open=False)
DRAFT_DROPS = _hints(destroys=True, idempotent=True, is_open=False)


def same(*names: str) -> dict[str, str]:
    """Arguments that go over the wire under their own names."""
    return {name: name for name in names}


def text(description: str) -> Property:
    """A text of at least one character."""
    return {"type": "string", "minLength": 1, "description": description}


def free_text(description: str) -> Property:
    """An optional text; an empty one counts as not given."""
    return {"type": "string", "description": description}


def one_of(description: str, *values: str, default: str | None = None) -> Property:
    """One of a few words."""
    choice: Property = {"type": "string", "enum": list(values), "description": description}
    return choice if default is None else {**choice, "default": default}


def flag(description: str) -> Property:
    """A boolean that is false unless given."""
    return {"type": "boolean", "default": False, "description": description}


def limit(default: int) -> Property:
    """How many items a page of a list holds."""
    return {
        "type": "integer",
        "minimum": 1,
        "maximum": 100,
        "default": default,
        "description": "The largest number of items to return, 1 to 100.",
    }


def identifier(of: str, source: str) -> Property:
    """An id that another tool's answer holds."""
    return text(f"Id of {of}, as {source} gives it.")


SLUG = {"workspace_slug": text("Slug of the workspace, as list_workspaces gives it.")}
CURSOR = {
    "cursor": free_text("Where to continue: next_cursor from the answer before. Leave it out for the first page.")
}
EMOJI = {"emoji": text("The emoji itself, for example 👍; not a name such as :thumbsup:.")}
KIND = {
    "kind": one_of("Kind of reaction.", "like", "love", "celebrate", "insightful", "funny", default="like"),
}
STATUSES = ("open", "in_progress", "resolved", "closed")
