"""Running the checks: all of them, each on what it looks at; one that breaks is a finding itself."""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple, TypeVar

from connect_mcp.base.text import printable

from ..configured import ConfiguredFile
from ..hosts.model import Host, Scope
from .all_checks import FILE_CHECKS, HOST_CHECKS, SERVER_CHECKS
from .model import SEVERITIES, Finding, Server, Sight
from .words import place


class Result(NamedTuple):
    """What one check said of one thing.

    Attributes:
        check: the check's first line.
        host: the host.
        scope: the scope of the file; None for a check of the host as a whole.
        subject: what was looked at, safe to print.
        server: the entry's name, safe to print; "" for a check of a file or a host.
        findings: what was found; () where all is well.
    """

    check: str
    host: Host
    scope: Scope | None
    subject: str
    server: str
    findings: tuple[Finding, ...]


def examine(sight: Sight) -> Iterator[Result]:
    """Every check on every host, file and entry of a machine. Nothing is started or changed."""
    for host in sight.hosts:
        for on_host in HOST_CHECKS:
            yield Result(_about(on_host), host, None, host.title, "", _found(on_host, sight, host))
        told: set[tuple[str, str, str]] = set()  # one file may hold the servers of several scopes
        for file in (file for file in sight.files if file.host.id == host.id and file.exists):
            for on_file in FILE_CHECKS:
                findings = [one for one in _found(on_file, sight, file) if _key(one) not in told]
                told.update(map(_key, findings))
                yield of_file(_about(on_file), file, findings)
        for server in sight.servers_of(host):
            for on_server in SERVER_CHECKS:
                yield of_server(_about(on_server), server, _found(on_server, sight, server))


def of_file(check: str, file: ConfiguredFile, findings: Iterable[Finding]) -> Result:
    """What a check said of a file."""
    return Result(check, file.host, file.scope, place(file), "", tuple(findings))


def of_server(check: str, server: Server, findings: Iterable[Finding]) -> Result:
    """What a check said of an entry."""
    return Result(check, server.host, server.file.scope, place(server.file), printable(server.name), tuple(findings))


Looked = TypeVar("Looked", Host, ConfiguredFile, Server)


def _found(check: Callable[[Sight, Looked], Iterable[Finding]], sight: Sight, looked: Looked) -> tuple[Finding, ...]:
    try:
        return tuple(check(sight, looked))
    except Exception as bug:  # noqa: BLE001 - one broken check must not hide what the others find
        what = f"the check {check.__name__} broke off ({type(bug).__name__})"
        return (Finding("check-broken", "warning", what, "", "", "report this as a bug"),)


def _key(finding: Finding) -> tuple[str, str, str]:
    return finding.id, finding.what, finding.where


def _about(check: Callable[..., object]) -> str:
    return (check.__doc__ or "").split("\n")[0]


def worst_first(results: Iterable[Result]) -> list[tuple[Result, Finding]]:
    """Every finding with the check that found it, the worst first."""
    found = [(result, finding) for result in results for finding in result.findings]
    return sorted(found, key=lambda pair: SEVERITIES.index(pair[1].severity))
