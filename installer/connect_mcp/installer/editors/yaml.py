"""YAML: Continue's list of servers, Goose's and Hermes' maps of them."""

from collections.abc import Mapping, Sequence

from .model import Format, Node, Quirk, Rewrite, Splice, Table, Tree, Value
from .yaml_load import load, scalar_tree, verbatim_tree
from .yaml_nodes import Verbatim, spelled
from .yaml_scan import BOM, scan
from .yaml_splice import carry_out


class _Yaml:
    """The `Format`; see `model.Format` for what its functions promise."""

    name = "yaml"

    def parse(self, text: str) -> Node:
        """The root, by our own scanner."""
        return scan(text)

    def splices(self, text: str, root: Node, rewrites: Sequence[Rewrite]) -> list[Splice]:
        """The splices; those of inner collections come first where two stand at one offset."""
        return [splice for rewrite in reversed(rewrites) for splice in carry_out(rewrite)]

    def load(self, text: str) -> Tree:
        """The document as ruamel.yaml reads it."""
        return load(text)

    def tree(self, value: Value) -> Tree:
        """How `load` reads a value back that we wrote."""
        if isinstance(value, Mapping):
            return Table((key, self.tree(item)) for key, item in value.items())
        if isinstance(value, Verbatim) and value.source:
            return verbatim_tree(value.source)
        if isinstance(value, str):
            return ("str", str(value))
        if isinstance(value, Sequence):
            return [self.tree(item) for item in value]
        if value is None or isinstance(value, bool):
            return ("null",) if value is None else ("bool", value)
        return scalar_tree(str(value) if isinstance(value, int) else spelled(value))

    def quirks(self, text: str) -> list[Quirk]:
        """A byte order mark; everything else that is legal every host reads."""
        return [Quirk("bom", 0)] if text.startswith(BOM) else []


YAML: Format = _Yaml()
