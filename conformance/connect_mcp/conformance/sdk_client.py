"""The official Python SDK's own client as one more host: it lists, makes one call, and ends the server.

The client itself is driven, not what was recorded of it: as it comes, which tries the newest era and falls back, and
with `initialize` alone, as its older versions do.
"""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from connect_mcp.base.process import Child

from .host_verdicts import WEIGHTS, Finding, HostVerdict
from .replay import Calls, Server
from .report import for_report

ID = "sdk-python"
"""What this client is called where hosts are named."""

_STARTING = 15.0  # seconds for our own program to load the SDK
_KILLS_AFTER = 2.0  # seconds that the SDK gives a server whose input it closed: mcp/client/stdio.py of 2.3
_MODERN = "2026-07-28"


def installed() -> str | None:
    """The version of the SDK; None where there is none, or one that has no such client."""
    try:
        found = version("mcp")
    except PackageNotFoundError:
        return None
    return found if int(found.partition(".")[0]) >= 2 else None


def judge_sdk(server: Server, calls: Calls, *, timeout: float = 10.0) -> HostVerdict:
    """What becomes of a server in the hands of the SDK's client, which must be installed."""
    title = f"The official Python SDK's client {installed()}"
    seen = _visited(server, calls, "auto", timeout)
    findings = [*_findings(seen)]
    if server.argv and server.env is None and findings and findings[0].weight == "fails":
        given = Server(server.argv, dict(os.environ), server.cwd)
        if not [one for one in _findings(_visited(given, calls, "auto", timeout)) if one.weight == "fails"]:
            what = f"{findings[0].what}, and works where it is given all variables"
            findings = [Finding("fails", what, "by itself it passes on a few variables, such as HOME and PATH")]
    if seen.get("revision") == _MODERN:
        findings += _without_the_newest(_visited(server, calls, "legacy", timeout))
    findings.sort(key=lambda finding: WEIGHTS.index(finding.weight))
    outcome = findings[0].weight if findings else "works"
    more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
    sentence = f"{title} {findings[0].what if findings else _works(seen)}{more}."
    evidence = (*_evidence(seen), *(finding.why for finding in findings if finding.why))
    return HostVerdict(ID, title, outcome, sentence, evidence, tuple(findings))


def _findings(seen: Mapping[str, Any]) -> Iterator[Finding]:
    failure, step = for_report(str(seen.get("failure", ""))), seen.get("step")
    if failure and step == "connect":
        yield Finding("fails", f"cannot connect to this server: {failure}", "")
    elif failure and step == "list":
        yield Finding("fails", f"has none of this server's tools: {failure}", "tools/list was asked for")
    elif failure and step == "call":
        called = for_report(str(seen.get("called")))
        yield Finding("loses", f"raises an error for a call of {called}: {failure}", "")
    elif failure:
        yield Finding("risk", f"fails when it ends this server: {failure}", "")
    elif seen.get("closed", 0.0) > _KILLS_AFTER:
        what = f"has to kill this server, which did not end within {_KILLS_AFTER:g} s of its input"
        yield Finding("risk", what, f"it took {seen['closed']:.1f} s in all")


def _without_the_newest(seen: Mapping[str, Any]) -> list[Finding]:
    found = [one for one in _findings(seen) if one.weight != "risk"]
    return [Finding("risk", f"{one.what}, where it is told to begin with initialize", one.why) for one in found]


def _works(seen: Mapping[str, Any]) -> str:
    called = f"; {for_report(str(seen['called']))} was called" if "called" in seen else ""
    count = seen.get("tools", 0)
    tools = "1 tool" if count == 1 else f"{count} tools"
    return f"works with this server: {tools} after {seen.get('listed', 0.0):.2f} s{called}"


def _evidence(seen: Mapping[str, Any]) -> Iterator[str]:
    if "revision" in seen:
        yield f"revision {for_report(str(seen['revision']))}, connected after {seen['ready']:.3f} s"
    if seen.get("step") == "done" and "called" not in seen:
        yield "no tool was called: none is annotated as read-only, and --call-tools was not given"
    if seen.get("is_error"):
        yield f"{for_report(str(seen['called']))} answered with isError"


def _visited(server: Server, calls: Calls, mode: str, timeout: float) -> Mapping[str, Any]:
    """What our program saw; a server that holds it up beyond its own bound ends with it."""
    whole = _STARTING + 4 * timeout
    asked = {
        "argv": list(server.argv),
        "env": None if server.env is None else dict(server.env),
        "cwd": None if server.cwd is None else os.fspath(server.cwd),
        "url": server.url,
        "headers": dict(server.headers),
        "old": server.old,
        "mode": mode,
        "patience": timeout,
        "timeout": _STARTING + 3 * timeout,
        "call_tools": calls.any_tool,
        "examples": dict(calls.examples),
    }
    with Child([sys.executable, "-m", f"{__package__}.sdk_visit"]) as child:
        child.send(json.dumps(asked).encode() + b"\n")
        line = child.read_line(whole)
        if line is None:
            _end_all(child)
            errors = child.stderr_tail(lines=1)
            why = errors[-1] if errors else f"nothing came of it within {whole:g} s"
            return {"step": "connect", "failure": why}
        _end_all(child)
    seen: dict[str, Any] = json.loads(line)
    return seen


def _end_all(child: Child) -> None:
    """End whatever the client has left running: it starts servers in groups of their own."""
    import psutil

    try:
        left = psutil.Process(child.pid).children(recursive=True)
    except psutil.Error:
        return
    for one in left:
        try:
            one.kill()
        except psutil.Error:
            continue
