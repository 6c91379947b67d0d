"""A case: how one requirement is checked."""

from collections.abc import Callable
from typing import Literal

from connect_mcp.base.record import record

from .talk import Talk

Shares = Literal["a conversation", "its end", "its beginning"]


@record
class Case:
    """How one requirement is checked.

    Attributes:
        run: sends, and judges what comes back with `Talk.check`; it raises `Broken`, `NotApplicable`, `NotObserved` or
            `Inconclusive` where it ends early.
        fresh: whether it has a process of its own, since it ends the subject in a way of its own or is about the very
            first message; the others share one, and a probe after each makes sure that the subject still answers.
        shares: what it shares with others where it has no process of its own: any part of a conversation, its end,
            since it may not leave the subject as it was, or what comes before its handshake.
        ends: whether it closes the subject's input, so that nothing can be asked of it any more.
        handshake: whether the conversation is opened for it, as the revision wants it.
        spoken: whether it is about a revision that the subject speaks; else it is also run where it does not.
        once: whether it is over before a revision is named, so that one process shows it for all of an era.
        opening: whether it is about the very beginning, and tells more than that a conversation cannot be had.
    """

    run: Callable[[Talk], None]
    fresh: bool = False
    shares: Shares = "a conversation"
    ends: bool = False
    handshake: bool = True
    spoken: bool = True
    once: bool = False
    opening: bool = False


def shared(run: Callable[[Talk], None]) -> Case:
    """A case that leaves the conversation as it found it."""
    return Case(run)


def late(run: Callable[[Talk], None]) -> Case:
    """A case that comes after the others of a conversation, since it may not leave it as it was."""
    return Case(run, shares="its end")


def ending(run: Callable[[Talk], None]) -> Case:
    """A case about what comes when the input of a conversation that others have shared is closed."""
    return Case(run, shares="its end", ends=True)


def fresh(run: Callable[[Talk], None]) -> Case:
    """A case that has a process of its own, opened with a handshake."""
    return Case(run, fresh=True)


def bare(run: Callable[[Talk], None]) -> Case:
    """A case that has a process of its own and sends the first message itself."""
    return Case(run, fresh=True, handshake=False)


def opening(run: Callable[[Talk], None], *, spoken: bool = True) -> Case:
    """A bare case about how a conversation begins, which is run also where none can be had."""
    return Case(run, fresh=True, handshake=False, spoken=spoken, opening=True)


def first(run: Callable[[Talk], None]) -> Case:
    """A bare case that is over before a revision is named."""
    return Case(run, fresh=True, handshake=False, once=True)


def before(run: Callable[[Talk], None]) -> Case:
    """A case about what comes before the handshake, which leaves it to come."""
    return Case(run, shares="its beginning", handshake=False, once=True)


def negotiating(run: Callable[[Talk], None], *, once: bool = False) -> Case:
    """A bare case about which revisions the subject speaks."""
    return Case(run, fresh=True, handshake=False, spoken=False, once=once)
