"""The splices that carry out a `Rewrite` of one YAML collection."""

from collections.abc import Iterator

from .model import Rewrite, Splice
from .yaml_block import BlockRewrite
from .yaml_flow import FlowRewrite
from .yaml_guard import guard
from .yaml_lines import line_break
from .yaml_nodes import Found


def carry_out(rewrite: Rewrite) -> Iterator[Splice]:
    """The splices for one container, with the line breaks of the lines before them.

    Raises:
        Fault: where this place cannot be edited without touching what is not ours.
    """
    container = rewrite.container
    assert isinstance(container, Found)
    guard(container, rewrite)
    make = FlowRewrite if container.style in ("flow", "pair") else BlockRewrite
    for splice in make(container, rewrite).splices():
        text = splice.text.replace("\n", line_break(container.text, splice.start))
        yield Splice(splice.start, splice.end, text)
