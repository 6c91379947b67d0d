"""`connect-mcp configure`: write a server's entry into hosts' own files, start it once, and say how to reload."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from connect_mcp.base.errors import Misuse, Refused
from connect_mcp.base.folders import Folders
from connect_mcp.base.machine import Machine
from connect_mcp.base.masking import masked
from connect_mcp.base.secrets import Store
from connect_mcp.base.text import printable

from ..apply import Planned, plan, write
from ..bundled import KEY_VARIABLE
from ..diff import changed_paths, diffs, short
from ..editors.engine import edit
from ..editors.formats import format_named
from ..hosts.all_hosts import HOSTS, find_all
from ..hosts.model import Host
from ..installation import COMMAND_FORMS
from ..jobs import Job, job_for
from ..options import add_place, add_writing
from ..outcome import Outcome
from ..placing import must_be_readable
from ..prompt import chosen, confirmed, somebody_is_there
from ..secrecy import add_secrecy, keeping, wanted
from ..sources import Source, add_sources, source_of
from ..wsl import on_windows_alone

if TYPE_CHECKING:
    from ..verify import Verified

TAKES_COMMAND = True
UNDO = "connect-mcp undo"
DEFAULT_NAME = "connect"
EXAMPLES = """examples:
  connect-mcp configure cursor --embedded      the bundled server, without an account
  connect-mcp configure codex --name files -- npx -y @modelcontextprotocol/server-filesystem .
  connect-mcp configure claude-code vscode --name docs --url https://example.com/mcp --header X-Team=a
  connect-mcp configure cursor --manifest server.json --var REGION=eu
  connect-mcp configure cursor --info https://example.com/api/v1/mcp/info
"""
UNSTARTED = "  not started: with --yes it is, once, to see whether it works"


def arguments(parser: argparse.ArgumentParser) -> None:
    """What `configure` takes."""
    parser.usage = "connect-mcp configure [HOST…] [options] [-- COMMAND [ARG…]]"
    parser.add_argument(
        "hosts", nargs="*", metavar="HOST", help="the hosts to write to (default: choose from those found)"
    )
    parser.add_argument("--all", action="store_true", help="every host that is found on this machine")
    add_place(parser)
    parser.set_defaults(name=None)  # a manifest and an info page say what the server is called
    add_sources(parser)
    parser.add_argument(
        "--command",
        dest="command_form",
        choices=COMMAND_FORMS,
        default="auto",
        help="how the entry names the program: by its path, its name, through python, uvx or pipx (default: what fits)",
    )
    parser.add_argument(
        "--env", action="append", default=[], metavar="KEY=VALUE", help="a variable that the host gives the server"
    )
    add_secrecy(parser)
    parser.add_argument("--config", type=Path, metavar="FILE", help="write to this file instead of the host's own")
    parser.add_argument(
        "--embedded", action="store_true", help="the bundled server with its embedded workspace, no account"
    )
    parser.add_argument(
        "--reapply", action="store_true", help="put back what hosts wiped of what we put, for these hosts or all"
    )
    parser.add_argument("--print", action="store_true", dest="print_only", help="print the entry, write nothing")
    parser.add_argument("--no-verify", action="store_true", help="do not start the server after writing")
    parser.add_argument("--force", action="store_true", help="write even where this host is known to reject the file")
    add_writing(parser)


def run(args: argparse.Namespace, machine: Machine, folders: Folders) -> Outcome:
    """Configure the hosts that were named, or chosen, or found with `--all`.

    Raises:
        Refused: where a host's file cannot be edited; then no file at all was changed.
        Misuse: where the arguments cannot be meant.
    """
    if args.reapply:
        from ..recorded import reapply

        return reapply(args, machine, folders)
    hosts = _hosts(args, machine)
    env = _variables(args, machine)
    source = source_of(args, machine, env)
    if args.name is None:
        args.name = (source.name if source else "") or DEFAULT_NAME
    hosts, left_out = _able(hosts, args, machine, source) if args.all else (hosts, [])
    store = Store(folders.config)
    embedded = source is None and _embedded(args, machine, env, store)
    wish = wanted(args, store, source.spec if source else None)
    jobs = [job_for(args, machine, host, env, wish, embedded=embedded, source=source) for host in hosts]
    if args.print_only:
        return _snippets(jobs)
    targets = [job.target for job in jobs]
    planned = plan(targets)
    if not args.force:
        must_be_readable(jobs, planned)
    if args.dry_run:
        return _dry_run(jobs, planned, machine)
    theirs = source is not None and source.theirs
    if not args.hosts and not args.all and not theirs:  # picked from a list, so nobody typed what is to happen
        _agreed(jobs, changed_paths(planned), machine, yes=args.yes)
    start = source is None or _agreed_to(source, jobs, yes=args.yes)
    for job in jobs:
        if job.host.closed_first:
            from ..running import must_be_closed  # few hosts need it

            must_be_closed(job.host, force=args.force)
    command = " ".join(["configure", *(host.id for host in hosts), "--name", args.name, "--scope", args.scope])
    with keeping(store, {name: value for job in jobs for name, value in job.keep.items()}):
        written = write(targets, folders, command=command, in_place=args.in_place, known=planned).files
    verified = {} if args.no_verify or not start else _verified(jobs, machine)
    about = [*(source.about if source else ()), *(() if start or args.no_verify else (UNSTARTED,)), *left_out]
    return _done(jobs, changed_paths(written), verified, machine, about)


def _hosts(args: argparse.Namespace, machine: Machine) -> list[Host]:
    if args.hosts and args.all:
        raise Misuse("--all and named hosts exclude each other")
    if args.hosts:
        named = find_all(args.hosts)
        if args.config and len(named) > 1:
            raise Misuse("--config names one file, so it goes with one host")
        return named
    if args.config:
        raise Misuse("--config needs the host whose format the file has")
    if not args.all and not somebody_is_there():
        raise Misuse("no host is named, and there is nobody to ask", mend="name a host, or use --all")
    found = [host for host in HOSTS if args.scope in host.scopes and host.detect(machine)]
    if not found:
        raise Refused("no host was found on this machine", mend=f"name one: {', '.join(host.id for host in HOSTS)}")
    if args.all:
        return found
    picked = chosen("Found on this machine:", [f"{host.title} ({host.id})" for host in found])
    if not picked:
        raise Refused("no host was chosen")
    return [found[index] for index in picked]


def _able(
    hosts: Sequence[Host], args: argparse.Namespace, machine: Machine, source: Source | None
) -> tuple[list[Host], list[str]]:
    """Of the hosts that `--all` found, those that can have this server, and a sentence on each of the others.

    Raises:
        Refused: where none can.
    """
    transport = source.spec.transport if source else "stdio"
    able, left_out = [], []
    for host in hosts:
        if not any(form and transport in form.transports for form in (host.stdio, host.remote)):
            left_out.append(f"left out: {host.title}, whose file has no form for it; {host.instead}")
        elif args.scope == "user" and (there := on_windows_alone(machine, host)):
            left_out.append(f"left out: {host.title}, which is on the Windows side: --config {printable(there)}")
        else:
            able.append(host)
    if not able:
        raise Refused("none of the hosts that were found can have this server", why="\n".join(left_out))
    return able, left_out


def _variables(args: argparse.Namespace, machine: Machine) -> dict[str, str]:
    """The `--env` options; a bare KEY takes its value from our own environment, so that no secret need be typed."""
    env = {}
    for option in args.env:
        key, equals, value = option.partition("=")
        if not key or not key.isprintable() or any(character.isspace() for character in key):
            raise Misuse("--env takes KEY=VALUE, or KEY for a variable that is set here")
        if not equals and machine.variable(key) is None:
            raise Misuse(f"--env {printable(key)}: no such variable is set here")
        env[key] = value if equals else str(machine.variable(key))
    return env


def _embedded(args: argparse.Namespace, machine: Machine, env: Mapping[str, str], store: Store) -> bool:
    """Whether the entry is to use the embedded workspace; without a key it is offered, never taken in silence."""
    if args.embedded or args.profile or KEY_VARIABLE in env or machine.variable(KEY_VARIABLE):
        return bool(args.embedded)
    if any(KEY_VARIABLE in option for option in args.secret) or KEY_VARIABLE in store.kept():
        return False
    if args.yes:
        return True
    return somebody_is_there() and confirmed(
        "No Connect API key is set. Use the embedded workspace, without an account?"
    )


def _agreed_to(source: Source, jobs: Sequence[Job], *, yes: bool) -> bool:
    """Show what somebody else's words would write, before anything is; whether it may also be started.

    Raises:
        Refused: where the person says no.
        Misuse: where nobody is there to agree, and that is needed.
    """
    if not source.theirs or yes:
        return True
    shown = [*source.about, *(f"  {_would(job)}" for job in jobs)]
    if somebody_is_there():
        if not confirmed("\n".join([*shown, "Write this?"])):
            raise Refused("nothing was written")
        return True
    if source.must_agree:
        raise Misuse(
            "what was found must be agreed to before it is written, and there is nobody to ask",
            why="\n".join(shown),
            mend="repeat the command with --yes",
        )
    return False


def _would(job: Job) -> str:
    return f"{job.host.title}: {'a new entry' if job.is_new else 'in place of what is now'} `{printable(job.name)}`"


def _agreed(jobs: Sequence[Job], changed: frozenset[str], machine: Machine, *, yes: bool) -> None:
    """Show what is about to be written, and go on only where the person wants it."""
    lines = [
        f"  {job.host.title}: {'add' if job.is_new else 'update'} `{printable(job.name)}` in {short(path, machine)}"
        for job in jobs
        if (path := job.location.path) in changed
    ]
    if lines and not yes and not confirmed("\n".join(["About to be written:", *lines, "Go on?"])):
        raise Refused("nothing was written")


def _snippets(jobs: Sequence[Job]) -> Outcome:
    data, parts = [], []
    for job in jobs:
        snippet = edit("", format_named(job.location.format), job.target.changes).new.rstrip("\n")
        shown = "\n".join(masked(printable(line), job.secrets) for line in snippet.split("\n"))
        data.append({"host": job.host.id, "path": job.location.path, "snippet": shown})
        parts.append(f"# {job.host.title}: {printable(job.location.path)}\n{shown}\n")
    return Outcome({"command": "configure", "hosts": data}, "\n".join(parts))


def _dry_run(jobs: Sequence[Job], planned: Sequence[Planned], machine: Machine) -> Outcome:
    shown = diffs(planned, frozenset().union(*(job.secrets for job in jobs)))
    changed = changed_paths(planned)
    lines = [diff or f"{short(path, machine)} would stay as it is" for path, diff in shown.items()]
    lines += [f"warning: {job.host.title}: {warning}" for job in jobs for warning in job.warnings]
    data = {"command": "configure", "dry_run": True, "hosts": [_facts(job, changed) for job in jobs], "diffs": shown}
    return Outcome(data, "\n".join(lines))


def _verified(jobs: Sequence[Job], machine: Machine) -> dict[str, Verified]:
    # What starts processes is not loaded by a command that starts none.
    from ..progress import waiting
    from ..verify import verify

    verified = {}
    for job in jobs:
        does = "calling" if job.spec.is_remote else "starting"
        with waiting(f"{does} `{printable(job.name)}` as {job.host.title} would"):
            verified[job.host.id] = verify(job.host, job.spec, machine, job.secrets)
    return verified


def _done(
    jobs: Sequence[Job],
    changed: frozenset[str],
    verified: Mapping[str, Verified],
    machine: Machine,
    about: Sequence[str],
) -> Outcome:
    facts: list[dict[str, object]] = []
    blocks = ["\n".join(about)] if about else []
    for job in jobs:
        fact, check = _facts(job, changed), verified.get(job.host.id)
        facts.append({**fact, **({"verified": check.data()} if check else {}), "reload": job.host.reload})
        blocks.append(_block(job, str(fact["action"]), check, machine))
    if changed:
        blocks.append(f"undo with: {UNDO}")
    failed = any(check.failure for check in verified.values())
    data: dict[str, object] = {"command": "configure", "hosts": facts, "undo": UNDO if changed else None}
    if about:
        data["about"] = list(about)
    return Outcome(data, "\n".join(blocks), 1 if failed else 0)


def _facts(job: Job, changed: frozenset[str]) -> dict[str, object]:
    action = "added" if job.is_new else "updated"
    return {
        "host": job.host.id,
        "title": job.host.title,
        "path": job.location.path,
        "name": job.name,
        "action": action if job.location.path in changed else "unchanged",
        "warnings": list(job.warnings),
    }


def _block(job: Job, action: str, check: Verified | None, machine: Machine) -> str:
    lines = [f"{job.host.title}: {action} `{printable(job.name)}` in {short(job.location.path, machine)}"]
    if check is not None and check.failure:
        did = "answer as {} would call it" if job.spec.is_remote else "start as {} would start it"
        lines += [f"the server did not {did.format(job.host.title)}:", *check.failure.splitlines()]
    elif check is not None and check.login:
        lines += ["it is there, and wants a login or a header:", *check.login.splitlines()]
        lines.append(f"log in from {job.host.title}, or give it a key: --header Authorization='Bearer …'")
    elif check is not None:
        told = f"{check.tools} tools, ready in {check.milliseconds} ms"
        lines.append(f"its URL was called: {told}" if job.spec.is_remote else told)
    lines += [f"warning: {warning}" for warning in job.warnings]
    return "\n  ".join([*lines, job.host.reload])
