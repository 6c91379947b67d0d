"""Lines and characters: how messages are told apart."""

from collections.abc import Mapping

from ..case import Case, shared
from ..talk import Talk, told, unasked
from ..wire import encode


def split_into_four(talk: Talk) -> None:
    """One request in four writes."""
    message = talk.message("tools/list" if talk.modern else "ping", ident="split")
    data = encode(message) + b"\n"
    quarter = len(data) // 4
    talk.send_bytes(data[:quarter], data[quarter : 2 * quarter], data[2 * quarter : 3 * quarter], data[3 * quarter :])
    answer = talk.answer("split")
    talk.check("id" in answer.seen.value, "the request was not answered")
    again = unasked(talk.silence())
    talk.check(not again, f"a request in four writes was answered more than once: {', '.join(map(told, again[:3]))}")


def line_separators(talk: Talk) -> None:
    """Characters that Unicode calls line ends are none on this wire."""
    ident = "a\u2028b\u2029c\u0085d"
    data = encode(talk.message("tools/list" if talk.modern else "ping", ident=ident)) + b"\n"
    talk.send_bytes(data)
    talk.answer(ident)
    again = unasked(talk.silence())
    talk.check(not again, f"the line was taken for several: {', '.join(map(told, again[:3]))}")


CASES: Mapping[str, Case] = {
    "FRAME-SPLIT": shared(split_into_four),
    "FRAME-U2028": shared(line_separators),
}
