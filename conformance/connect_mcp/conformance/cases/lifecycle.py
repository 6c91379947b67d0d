"""How a conversation begins, which revision it is in, and how it ends."""

import contextlib
import os
import signal
import sys
import time
from collections.abc import Mapping
from typing import Any

from connect_mcp.base.text import printable

from ..case import Case, bare, before, ending, first, fresh, late, negotiating, opening
from ..requirement import LEGACY, MODERN
from ..result import Broken, NotApplicable, NotObserved
from ..talk import Answer, Talk
from ..trial import initialize_params
from .framing import process

INVALID_PARAMS, UNSUPPORTED = -32602, -32022
_NEVER = "1999-01-01"
_PENDING = 5


def initialize_fits(talk: Talk) -> None:
    """The answer to initialize is what the revision says."""
    result = talk.fits(talk.ask("initialize", initialize_params(talk.revision)), "initialize", "initialize")
    for name in ("protocolVersion", "capabilities", "serverInfo"):
        talk.check(name in result, f"the answer to initialize has no {name}")


def waits_for_the_client(talk: Talk) -> None:
    """Between the answer to initialize and the client's notification nothing is asked."""
    talk.expect_result(talk.ask("initialize", initialize_params(talk.revision)), "initialize")
    asked = [
        seen for seen in talk.listen(talk.trial.options.pace.early) if seen.kind == "request" and seen.method != "ping"
    ]
    method = printable(asked[0].method[:80]) if asked else ""
    talk.check(not asked, f"the server asked for {method} before the client was ready")


def initialize_with_more(talk: Talk) -> None:
    """What a client says beyond what the server knows is no reason to refuse it."""
    params: dict[str, Any] = initialize_params(talk.revision)
    params["capabilities"] = {"experimental": {"x": {}}, "somethingNew": {"a": [1]}}
    params["clientInfo"] = {**params["clientInfo"], "title": "A client", "somethingNew": None}
    params["somethingNew"] = {"b": 2}
    talk.expect_result(talk.ask("initialize", params), "initialize with members that the server does not know")


def version_echoed(talk: Talk) -> None:
    """A version that the server offers of itself must be agreed to when it is asked for."""
    offered = _agreed(talk.ask("initialize", initialize_params(talk.revision)))
    if offered is None:
        raise NotApplicable("the server does not begin with initialize")
    if offered == talk.revision:
        talk.check(True, "")
        return
    with talk.another(handshake=False) as other:
        again = _agreed(other.ask("initialize", initialize_params(offered)))
    talk.check(again == offered, f"the server offers {offered} of itself, and {again} when it is asked for {offered}")
    raise NotApplicable(f"the server does not speak {talk.revision}: it offers {offered}")


def unknown_version(talk: Talk) -> None:
    """A version that there never was is answered with another one."""
    answer = talk.ask("initialize", initialize_params(_NEVER))
    if _is_legacy(talk, answer):
        talk.check(_agreed(answer) != _NEVER, f"the server agrees to speak {_NEVER}, which there never was")


def no_handshake_in_the_modern_version(talk: Talk) -> None:
    """The revision without initialize cannot be agreed to by it."""
    answer = talk.ask("initialize", initialize_params(MODERN))
    if _is_legacy(talk, answer):
        talk.check(_agreed(answer) != MODERN, f"initialize agrees to {MODERN}, which has no initialize")


def newest_offered(talk: Talk) -> None:
    """What is offered instead is the newest that there is."""
    offered = _agreed(talk.ask("initialize", initialize_params(_NEVER)))
    if offered not in LEGACY:
        raise NotObserved("the server offered no version that is known here")
    for newer in LEGACY[LEGACY.index(offered) + 1 :]:
        with talk.another(handshake=False) as other:
            agreed = _agreed(other.ask("initialize", initialize_params(newer)))
        talk.check(agreed != newer, f"the server offers {offered} of itself, and also speaks {newer}")
    talk.check(True, "")


def ping_first(talk: Talk) -> None:
    """A ping is answered at any time."""
    talk.expect_result(talk.ask("ping"), "ping before initialize")


def list_first(talk: Talk) -> None:
    """Nothing is served before the handshake."""
    talk.expect_error(_unanswered_is_fine(talk, "tools/list"), "tools/list before initialize")


def initialize_after_all(talk: Talk) -> None:
    """A request that came too early spoils nothing."""
    talk.request("tools/list", {})
    talk.fence()
    talk.unclaimed()
    _still_initializes(talk, "after a request that came too early")


def initialize_after_discover(talk: Talk) -> None:
    """A client that first asks whether the server is modern can go on as before."""
    talk.send(talk.message("server/discover", {}, ident="probe", **_modern_meta()))
    talk.fence()
    answer = talk.claimed("probe")
    talk.unclaimed()
    if answer is not None and (answer.error is None or answer.code == UNSUPPORTED):
        raise NotApplicable(f"the server speaks {MODERN} or later, and clients go on with that")
    _still_initializes(talk, "after server/discover")


def initialize_again(talk: Talk) -> None:
    """A second initialize does not end the session; where it is answered, it is a handshake to its end."""
    ident = talk.request("initialize", initialize_params(talk.revision))
    talk.fence()
    answer = talk.claimed(ident)
    if answer is not None and answer.error is None:
        talk.notify("notifications/initialized")
    _still_serves(talk, "a second initialize")


def initialize_without_params(talk: Talk) -> None:
    """Without its params initialize means nothing."""
    talk.expect_error(talk.ask("initialize", {}), "initialize without params", INVALID_PARAMS)


def failed_initialize_later(talk: Talk) -> None:
    """An initialize that fails changes nothing."""
    talk.request("initialize", {})
    talk.fence()
    _still_serves(talk, "an initialize that had failed")


def ends_with_its_input(talk: Talk) -> None:
    """The end of its input ends the server."""
    talk.check(_code(talk) is not None, f"the server still ran {_end(talk):g} s after its input had ended")


def ends_cleanly(talk: Talk) -> None:
    """The end of its input is no error."""
    code = _code(talk)
    if code is None:
        raise NotObserved("the server did not end with its input")
    said = process(talk).stderr().decode("utf-8", "replace")
    talk.check(code == 0, f"the server ended with {'code' if code > 0 else 'signal'} {abs(code)}, not with code 0")
    talk.check("Traceback (most recent call last)" not in said, "the server ended with a traceback")


def ends_before_it_began(talk: Talk) -> None:
    """A server whose client leaves at once leaves as well, once it has started."""
    patience = 2 * _end(talk)
    _close(talk)
    code = process(talk).wait(patience)
    talk.check(code is not None, f"the server still ran {patience:g} s after its input, which was empty, had ended")


def answers_before_the_end(talk: Talk) -> None:
    """What was asked before the end of the input is answered."""
    idents = [talk.request("tools/list", {}) for _ in range(_PENDING)]
    _close(talk)
    missing = [ident for ident in idents if not _arrives(talk, ident)]
    talk.check(not missing, f"{len(missing)} of {_PENDING} requests sent right before the end were not answered")


def half_a_line_at_the_end(talk: Talk) -> None:
    """A last line without its line feed ends nothing but the conversation."""
    talk.send_bytes(b'{"jsonrpc":"2.0","id":"half","meth')
    code = _code(talk)
    talk.check(code is not None, f"the server still ran {_end(talk):g} s after half a line and the end of its input")
    talk.check(code is not None and code >= 0, "half a line before the end of its input ended the server by a signal")


def ends_on_sigterm(talk: Talk) -> None:
    """SIGTERM ends the server."""
    _ends_on(talk, "SIGTERM")


def ends_on_sigint(talk: Talk) -> None:
    """SIGINT ends the server: one host sends nothing else."""
    _ends_on(talk, "SIGINT")


def ends_while_a_call_runs(talk: Talk) -> None:
    """A call that runs holds the end up for no long time, and nothing stays behind."""
    calls = sorted(talk.tour.calls, key=lambda call: -call.answer.seconds)
    if not calls:
        talk.needs("tools")
        raise NotObserved("no tool could be called: see --call-tools and --example")
    talk.request("tools/call", dict(calls[0].params))
    talk.listen(0.1)
    group = process(talk).pid
    code = _code(talk)
    talk.check(code is not None, f"the server still ran {_end(talk):g} s after its input had ended during a call")
    left = _running_in(group)
    talk.check(not left, f"{len(left)} processes that the server had started still ran when it had ended")


def _is_legacy(talk: Talk, answer: Answer) -> bool:
    """Whether there is an agreement to judge; an error that names what is supported is as good as another version."""
    if answer.error is None:
        return True
    known = talk.trial.known(talk.revision).missing
    if answer.code in (INVALID_PARAMS, UNSUPPORTED) or known is None:
        talk.check(isinstance(answer.code, int), "the error has no code")
        return False
    raise NotApplicable("the server does not begin with initialize")


def _modern_meta() -> dict[str, Any]:
    from ..talk import modern_meta

    return modern_meta()


def _still_initializes(talk: Talk, when: str) -> None:
    answer = talk.ask("initialize", initialize_params(talk.revision))
    talk.check(_agreed(answer) == talk.revision, f"{when}, initialize was answered with {answer}, not as it should be")


def _still_serves(talk: Talk, what: str) -> None:
    talk.unclaimed()
    method = "tools/list" if "tools" in talk.trial.known(talk.revision).capabilities else "ping"
    answer = talk.ask(method, {})
    talk.check("result" in answer.seen.value, f"after {what}, {method} was answered with {answer}")


def _unanswered_is_fine(talk: Talk, method: str) -> Answer:
    ident = talk.request(method, {})
    try:
        return talk.answer(ident)
    except Broken:
        talk.fence()
        raise NotObserved(
            "the server answers nothing before initialize, neither with a result nor with an error"
        ) from None


def _code(talk: Talk) -> int | None:
    _close(talk)
    return process(talk).wait(_end(talk))


def _end(talk: Talk) -> float:
    return talk.trial.options.pace.end


def _close(talk: Talk) -> None:
    process(talk).close_stdin()
    talk.happened("the kit closed the server's input")


def _arrives(talk: Talk, ident: Any) -> bool:
    """Whether an answer comes before the output ends; no fence can be sent any more."""
    deadline = time.monotonic() + _end(talk)
    while time.monotonic() < deadline:
        if talk.claimed(ident) is not None:
            return True
        try:
            talk.read(0.25)
        except Broken:
            return talk.claimed(ident) is not None
    return False


def _ends_on(talk: Talk, name: str) -> None:
    if sys.platform == "win32":
        raise NotApplicable("there are no such signals on Windows")
    with talk.preparing("waiting for the server to wait"):
        talk.fence()
        talk.listen(talk.trial.options.pace.early)
    process(talk).signal(getattr(signal, name))
    talk.happened(f"the kit sent {name}")
    code = process(talk).wait(_end(talk))
    talk.check(code is not None, f"the server still ran {_end(talk):g} s after {name}")


def _running_in(group: int) -> list[int]:
    """The processes of a process group that still run; what has left the group on purpose is not found."""
    if sys.platform == "win32":
        return []
    import psutil  # does not load where the modules of POSIX are missing

    found = []
    for pid in psutil.pids():
        with contextlib.suppress(OSError, psutil.Error):
            if os.getpgid(pid) == group and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                found.append(pid)
    return found


def _agreed(answer: Answer) -> str | None:
    agreed = answer.result.get("protocolVersion") if isinstance(answer.result, dict) else None
    return agreed if isinstance(agreed, str) else None


CASES: Mapping[str, Case] = {
    "INIT-SCHEMA": opening(initialize_fits),
    "PREINIT-REQUESTS": bare(waits_for_the_client),
    "INIT-EXTRA": bare(initialize_with_more),
    "VER-ECHO": negotiating(version_echoed),
    "VER-UNKNOWN": negotiating(unknown_version, once=True),
    "VER-2026-INIT": negotiating(no_handshake_in_the_modern_version, once=True),
    "VER-LATEST": negotiating(newest_offered, once=True),
    "PREINIT-PING": before(ping_first),
    "PREINIT-LIST": before(list_first),
    "PREINIT-THEN-INIT": bare(initialize_after_all),
    "FALLBACK": bare(initialize_after_discover),
    "REINIT": late(initialize_again),
    "INIT-BADPARAMS": bare(initialize_without_params),
    "INIT-BAD-THEN-OK": late(failed_initialize_later),
    "EOF-EXIT": ending(ends_with_its_input),
    "EOF-CLEAN": ending(ends_cleanly),
    "EOF-EARLY": first(ends_before_it_began),
    "EOF-PENDING": fresh(answers_before_the_end),
    "EOF-PARTIAL": fresh(half_a_line_at_the_end),
    "EOF-RUNNING": fresh(ends_while_a_call_runs),
    "SIGTERM-EXIT": fresh(ends_on_sigterm),
    "SIGINT-EXIT": fresh(ends_on_sigint),
}
