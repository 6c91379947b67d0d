import io
import sys

import pytest

from connect_mcp.installer.prompt import chosen, confirmed, somebody_is_there


def answers(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("".join(f"{line}\n" for line in lines)))


@pytest.mark.parametrize(("line", "agreed"), [("", True), ("Y", True), ("yes", True), ("n", False), ("No", False)])
def test_yes_and_no_are_taken_after_whatever_is_neither(
    monkeypatch: pytest.MonkeyPatch, line: str, agreed: bool
) -> None:
    answers(monkeypatch, "maybe", "\x1b[A", line)
    assert confirmed("Do it?") is agreed


@pytest.mark.parametrize("unusable", ["²", "0", "3", "-1", "one", "1,,2"])
def test_a_number_that_is_none_of_the_list_is_asked_for_again(monkeypatch: pytest.MonkeyPatch, unusable: str) -> None:
    monkeypatch.setenv("TERM", "dumb")
    answers(monkeypatch, unusable, "2")
    assert chosen("Which?", ["a", "b"]) == [1]


def test_nobody_is_there_where_input_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", None)
    assert not somebody_is_there()
