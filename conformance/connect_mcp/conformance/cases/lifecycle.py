"""How a conversation begins and ends."""

from collections.abc import Mapping

from ..case import Case, fresh, negotiating
from ..lab import initialize_params
from ..result import NotApplicable
from ..subject import StdioLink
from ..talk import Talk

END_PATIENCE = 5.0
"""Seconds that a server may take to end after its input did."""


def version_echoed(talk: Talk) -> None:
    """A version that the server offers of itself must be agreed to when it is asked for."""
    offered = _agreed(talk, talk.revision)
    if offered == talk.revision:
        talk.check(True, "")
        return
    with talk.lab.open(talk.revision, handshake=False) as other:
        again = _agreed(other, offered)
    talk.check(again == offered, f"the server offers {offered} of itself, and answers {again} when it is asked for it")
    raise NotApplicable(f"the server does not speak {talk.revision}: it offers {offered}")


def ends_with_its_input(talk: Talk) -> None:
    """The end of its input ends the server."""
    child = _process(talk)
    child.close_stdin()
    talk.happened("the kit closed the server's input")
    code = child.wait(END_PATIENCE)
    talk.check(code is not None, f"the server still ran {END_PATIENCE:g} s after its input had ended")


def _process(talk: Talk):  # type: ignore[no-untyped-def]
    assert isinstance(talk.link, StdioLink)
    return talk.link.child


def _agreed(talk: Talk, revision: str) -> str:
    result = talk.ask("initialize", initialize_params(revision)).result
    agreed = result.get("protocolVersion") if isinstance(result, dict) else None
    return agreed if isinstance(agreed, str) else "nothing"


CASES: Mapping[str, Case] = {
    "VER-ECHO": negotiating(version_echoed),
    "EOF-EXIT": fresh(ends_with_its_input),
}
