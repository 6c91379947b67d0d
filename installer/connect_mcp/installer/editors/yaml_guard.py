"""What a rewrite of a YAML collection must not touch, because it reaches further than the lines it stands on."""

import re
from collections.abc import Mapping

from .model import Fault, Rewrite, Value
from .yaml_nodes import Found


def guard(container: Found, rewrite: Rewrite) -> None:
    """Refuse a rewrite that an anchor, an alias or a merge key makes more than it looks.

    Raises:
        Fault: at the culprit, with the way around it.
    """
    _refuse_merged(container)
    for node in container.lineage():
        _refuse_shared(node, node.start, node.head)
    for index in {*rewrite.replace, *rewrite.delete}:
        child = container.children[index]
        for node in child.node.walk():
            _refuse_shared(node, child.at, child.node.end)
    for index, value in rewrite.replace.items():
        _refuse_alias(container.children[index].node, value)
    if container.kind == "list":
        for _, value in rewrite.insert:
            _refuse_twin(container, value)


def _refuse_merged(container: Found) -> None:
    for child in container.children:
        if child.key is not None and child.key.style == "plain" and child.name() == "<<":
            raise Fault(
                child.at,
                "this map takes keys from another place with <<, so that what it holds cannot be changed here alone",
                "write those keys out here, or make the change by hand",
            )


def _refuse_shared(node: Found, start: int, end: int) -> None:
    """Refuse to change an anchored value that an alias outside of `start` to `end` repeats.

    A look-alike in a comment or a string refuses too: an anchor on the way is rare, and a lost one is somebody's data.
    """
    if not node.anchor:
        return
    alias = re.compile(rf"\*{re.escape(node.anchor)}(?![^\s,\[\]{{}}:])")
    if alias.search(node.text, 0, start) or alias.search(node.text, end):
        raise Fault(
            node.start,
            f"this value is used elsewhere in the file too, as *{node.anchor}, and would change there as well",
            f"write it out in place of *{node.anchor}, or make the change by hand",
        )


def _refuse_alias(node: Found, value: Value) -> None:
    if node.kind == "alias" and isinstance(value, Mapping):
        raise Fault(
            node.start,
            f"this is only an alias ({node.scalar()}) of a value elsewhere in the file",
            "write the value out here in place of the alias and run the command again",
        )


def _refuse_twin(container: Found, value: Value) -> None:
    """Refuse to add an item to a list that holds one of the same name already, as an alias."""
    first = next(iter(value.items()), None) if isinstance(value, Mapping) else None
    aliases = {node.text[node.start + 1 : node.until]: node for node in container.items() if node.kind == "alias"}
    if first is None or not aliases:
        return
    *_, root = container.lineage()
    for node in root.walk():
        if node.anchor in aliases and node.kind == "map" and first in _scalars(node):
            raise Fault(
                aliases[node.anchor].start,
                f"the entry is here only as an alias (*{node.anchor}) of a value elsewhere in the file",
                "write the entry out here in place of the alias and run the command again",
            )


def _scalars(node: Found) -> list[tuple[str, Value]]:
    return [(child.name(), child.node.scalar()) for child in node.children if not child.node.children]
