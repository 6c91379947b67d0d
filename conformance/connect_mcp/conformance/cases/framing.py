"""Lines and characters: how messages are told apart, and what else comes out of the process."""

from collections.abc import Mapping

from connect_mcp.base.process import Child
from connect_mcp.base.record import record

from ..case import Case, before, ending, late, shared
from ..result import Broken, Line, NotObserved
from ..subject import StdioLink
from ..talk import Talk, told, unasked
from ..wire import encode

_CANARY = "canary-7f3a91c2d4"
_LOGGED = 1.0  # seconds that the last words of a server that died may take to come
_MANY = 200
_MIB = 1 << 20
_MOST_MEMORY = 512 << 20  # bytes that a server may grow by over a line of 16 MiB


def silent_start(talk: Talk) -> None:
    """Nothing is said before it is asked for."""
    came = talk.listen(talk.trial.options.pace.early)
    with talk.preparing("asking anything"):
        talk.fence()
    came += talk.unclaimed()  # a server that takes long to start says it later
    talk.check(not came, f"the server said {told(came[0]) if came else ''} before it was asked anything")


def last_line_ends(talk: Talk) -> None:
    """The last line has its line feed too."""
    child = process(talk)
    talk.ask("tools/list", {})
    child.close_stdin()
    child.wait(5)
    while child.read_line(0.2) is not None and not child.ended:
        pass
    talk.check(not child.unterminated, "the last line on standard output does not end in a line feed")


def split_into_four(talk: Talk) -> None:
    """One request in four writes."""
    data = _line(talk, "split")
    quarter = len(data) // 4
    talk.send_bytes(data[:quarter], data[quarter : 2 * quarter], data[2 * quarter : 3 * quarter], data[3 * quarter :])
    _answered_once(talk, "split", "a request in four writes")


def two_in_one(talk: Talk) -> None:
    """Two requests in one write."""
    talk.send_bytes(_line(talk, "one") + _line(talk, "two"))
    talk.answer("one")
    _answered_once(talk, "two", "one of two requests in one write")


def character_in_two(talk: Talk) -> None:
    """A character may come in two writes."""
    data = _line(talk, "é-in-two")
    at = data.index("é".encode()) + 1
    talk.send_bytes(data[:at], data[at:])
    _answered_once(talk, "é-in-two", "a request whose é came in two writes")


def one_mebibyte(talk: Talk) -> None:
    """A long line is read."""
    _long(talk, _MIB)


def sixteen_mebibytes(talk: Talk) -> None:
    """A very long line is answered or refused, in bounded memory."""
    before = _memory(talk)
    _long(talk, 16 * _MIB)
    grown = _memory(talk) - before
    talk.check(grown < _MOST_MEMORY, f"a line of 16 MiB made the server grow by {grown >> 20} MiB")


def deep(talk: Talk) -> None:
    """Deep nesting is answered or refused."""
    message = encode(talk.message("tools/list", {}, ident="deep", deep="HERE"))
    talk.send_bytes(message.replace(b'"HERE"', b"[" * 5000 + b"]" * 5000) + b"\n")
    came = unasked(talk.silence(expecting=True))
    talk.check(came, "a request nested 5000 deep was not answered at all")


def stderr_is_text(talk: Talk) -> None:
    """What is logged is UTF-8."""
    said = _provoked(talk)
    if not said.logged:
        raise NotObserved("the server wrote nothing on standard error")
    try:
        said.logged.decode()
    except UnicodeDecodeError as error:
        # What is kept of a long log may begin or end inside a character.
        if len(said.logged) - error.start >= 4 and len(said.logged) <= 8192:
            raise Broken("standard error is not UTF-8", said.exchange) from None
    talk.check(True, "")


def no_secret_told(talk: Talk) -> None:
    """The environment is not told to anybody."""
    said = _provoked(talk)
    if _CANARY.encode() in said.logged:
        raise Broken("a secret of its environment is on standard error", said.exchange)
    if said.told:
        raise Broken("a secret of its environment is on standard output", said.exchange)
    talk.check(True, "")


def stderr_unread(talk: Talk) -> None:
    """A client may ignore standard error altogether."""
    with talk.another(deaf=True) as other:
        idents = [other.request("does/not_exist", {}, ident=f"unread-{number}") for number in range(_MANY)]
        try:
            for ident in idents:
                other.answer(ident)
        except Broken as broken:
            raise Broken(f"with its standard error unread, {broken.why}") from None
    talk.check(True, "")


def pure_during_calls(talk: Talk) -> None:
    """What a tool prints goes elsewhere."""
    calls = sorted(talk.tour.calls, key=lambda call: call.answer.seconds)[:3]
    if not calls:
        talk.needs("tools")
        raise NotObserved("no tool could be called: see --call-tools and --example")
    for call in calls:
        # It has been answered once; the first call of a process may take longer than what is asked after it.
        talk.answer(talk.request("tools/call", dict(call.params)), talk.trial.options.timeout)
        talk.fence()
        odd = [seen for seen in talk.unclaimed() if seen.kind == "none"]
        talk.check(not odd, f"while {call.params['name']} ran, the server wrote {told(odd[0]) if odd else ''}")


def _memory(talk: Talk) -> int:
    """The bytes that the subject's process holds in memory; 0 where the system does not say."""
    import psutil

    try:
        return int(psutil.Process(process(talk).pid).memory_info().rss)
    except psutil.Error:
        return 0


def process(talk: Talk) -> Child:
    """The subject's process."""
    assert isinstance(talk.link, StdioLink)
    return talk.link.child


def harmless(talk: Talk) -> str:
    """A method that every server of the revision has."""
    return "server/discover" if talk.modern else talk.trial.fence_method


def _line(talk: Talk, ident: str) -> bytes:
    method = harmless(talk)
    return encode(talk.message(method, {} if method == "tools/list" else None, ident=ident)) + b"\n"


def _answered_once(talk: Talk, ident: str, about: str) -> None:
    talk.answer(ident)
    talk.fence()
    again = unasked(talk.unclaimed())
    talk.check(not again, f"{about} was answered more than once: {', '.join(map(told, again[:3]))}")


def _long(talk: Talk, size: int) -> None:
    data = encode(talk.message(harmless(talk), {}, ident=f"long-{size}", padding="HERE"))
    talk.send_bytes(data.replace(b"HERE", b"x" * size) + b"\n")
    came = unasked(talk.silence(expecting=True))
    talk.check(came, f"a line of {size >> 20} MiB was not answered at all")


@record
class _Provoked:
    """What a server says that was given reasons to log something, and a secret in its environment.

    Attributes:
        logged: its standard error, as far as it is kept.
        told: whether the secret is on its standard output.
        exchange: what was said.
    """

    logged: bytes
    told: bool
    exchange: tuple[Line, ...]


def _provoked(talk: Talk) -> _Provoked:
    """What came of it in a process of its own: one shows it for each rule about what is logged."""
    return talk.trial.once(("provoked", talk.revision), lambda: _provoke(talk))


def _provoke(talk: Talk) -> _Provoked:
    planted = {"CONFORMANCE_API_KEY": _CANARY, "CONFORMANCE_SECRET_TOKEN": _CANARY}
    with talk.another(more_env=planted) as other:
        other.sought = _CANARY.encode()
        with other.preparing("making the server log something"):
            other.ask("does/not_exist")
            other.ask("tools/list", {})
        # Many servers die of a line that they cannot read, which is another rule's matter; what they log then counts.
        try:
            other.send_bytes(b'{"cut\n')
            other.fence()
        except Broken:
            process(other).wait_for_errors(_LOGGED)
        return _Provoked(process(other).stderr(), other.found, other.exchange())


CASES: Mapping[str, Case] = {
    "START-SILENT": before(silent_start),
    "FRAME-LF": ending(last_line_ends),
    "FRAME-SPLIT": shared(split_into_four),
    "FRAME-TWO": shared(two_in_one),
    "FRAME-MBSPLIT": shared(character_in_two),
    "BIG-1M": shared(one_mebibyte),
    "BIG-16M": late(sixteen_mebibytes),
    "DEEP-5000": shared(deep),
    "STDERR-UTF8": shared(stderr_is_text),
    "STDERR-SECRETS": shared(no_secret_told),
    "STDERR-FULL": shared(stderr_unread),
    "STDOUT-CALL": shared(pure_during_calls),
}
