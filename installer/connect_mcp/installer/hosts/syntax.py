"""How hosts write references to variables, inputs and folders inside the texts of an entry."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from connect_mcp.installer.spec import Reference, ReferenceKind, Template

EVERYWHERE = frozenset({"command", "args", "env", "cwd", "url", "headers"})


class Unwritable(Exception):
    """A reference that a host has no form for.

    Attributes:
        reference: which.
        field: where it stands, as in `ServerSpec.mapped`.
    """

    def __init__(self, reference: Reference, field: str) -> None:
        super().__init__(f"{reference} in {field}")
        self.reference = reference
        self.field = field


class Syntax(NamedTuple):
    """One host's way to write references.

    Attributes:
        pattern: a regular expression that matches one reference; named groups hold a name for each kind that it can
            be (with `_` for `-`), and `default` a default.
        forms: what to write for each kind, with `{name}` in it; `env-default` for one with a default.
        fields: the fields of a server in which the host looks for references.
        missing: what becomes of a variable that is not set: the text stays as it is, is empty, or the host refuses.
    """

    pattern: str
    forms: Mapping[str, str]
    fields: frozenset[str] = EVERYWHERE
    missing: Literal["literal", "empty", "refused"] = "literal"

    def understood(self, field: str, text: str) -> str:
        """The text as the host understands it: a `Template` where there are references in it."""
        if field not in self.fields or not ("$" in text or "{" in text):
            return text
        import re  # most texts have no reference

        parts: list[str | Reference] = []
        end = 0
        for match in re.finditer(self.pattern, text):
            parts += [text[end : match.start()]] if match.start() > end else []
            parts.append(_reference(match.groupdict()))
            end = match.end()
        if not parts:
            return text
        return Template(*parts, *([text[end:]] if text[end:] else []))

    def written(self, field: str, text: str) -> str:
        """The text in this host's spelling.

        Raises:
            Unwritable: where it holds a reference that this host has no form for, or not in this field.
        """
        if not isinstance(text, Template):
            return text
        return "".join(part if isinstance(part, str) else self._form(part, field) for part in text.parts)

    def _form(self, reference: Reference, field: str) -> str:
        form = self.forms.get(reference.kind if reference.default is None else f"{reference.kind}-default")
        if form is None or field not in self.fields:
            raise Unwritable(reference, field)
        return form.replace("{name}", reference.name).replace("{default}", reference.default or "")


def _reference(groups: Mapping[str, str | None]) -> Reference:
    default = groups.get("default")
    for group, name in groups.items():
        if name is not None and group != "default":
            kind: ReferenceKind = group.rstrip("0123456789").replace("_", "-")  # type: ignore[assignment]
            return Reference(kind, name if kind in _NAMED else "", default)
    raise ValueError("a pattern without a named group")


_NAMED = frozenset({"env", "input", "secret", "file"})

NO_REFERENCES = Syntax(r"(?!)", {})
"""A host that takes every text as it stands, or of which nothing else is known."""

DOLLAR_BRACES = Syntax(r"\$\{(?P<env>[A-Za-z_]\w*)\}", {"env": "${{name}}"})
"""`${X}`."""

DOLLAR = Syntax(
    r"\$(?:(?P<env>[A-Za-z_]\w*)|\{(?P<env2>[A-Za-z_]\w*)\})",
    {"env": "${{name}}"},
)
"""`$X` and `${X}`."""

ENV_COLON = Syntax(r"\$\{env:(?P<env>[^}]+)\}", {"env": "${env:{name}}"})
"""`${env:X}`."""
