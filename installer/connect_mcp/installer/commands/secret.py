"""`connect-mcp secret`: keep the secrets that servers need in one place of their own, and out of hosts' files."""

import argparse
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from connect_mcp.base.errors import Misuse, Refused
from connect_mcp.base.folders import Folders
from connect_mcp.base.machine import Machine
from connect_mcp.base.secrets import LONGEST, Kept, Store, check_name, check_value, is_profile, qualified, set_line
from connect_mcp.base.text import printable

from ..diff import short
from ..options import add_output, add_project, add_yes
from ..outcome import Outcome
from ..prompt import confirmed, hidden, somebody_is_there
from ..stored import Use, uses

_DAY = 24 * 3600
_LARGEST_DOTENV = 1 << 20

EXAMPLES = """examples:
  connect-mcp secret set GITHUB_TOKEN                    asks for it, without showing it
  pass show github | connect-mcp secret set GITHUB_TOKEN
  connect-mcp secret set GITHUB_TOKEN --from-dotenv .env
  connect-mcp secret set ARYTHMATIC_API_KEY --profile acme
  connect-mcp secret list
"""


def arguments(parser: argparse.ArgumentParser) -> None:
    """What `secret` takes."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    setting = _action(actions, "set", "keep a secret: asked for at a terminal, otherwise read from standard input")
    setting.add_argument("name", nargs="?", metavar="NAME", help="the variable that servers read it from")
    setting.add_argument("too_much", nargs="*", help=argparse.SUPPRESS)
    setting.add_argument("--profile", metavar="NAME", help="keep it for this profile alone")
    source = setting.add_mutually_exclusive_group()
    source.add_argument("--from-env", metavar="VARIABLE", help="take the value from this variable of the environment")
    source.add_argument("--from-dotenv", type=Path, metavar="FILE", help="take NAME's value, and no other, from a .env")
    setting.add_argument(
        "--keychain", action="store_true", help="keep it in the system's keychain, where every host can read it back"
    )
    listing = _action(actions, "list", "names, where each is kept, since when, and for which entries; never values")
    removing = _action(actions, "remove", "forget a secret")
    removing.add_argument("name", metavar="NAME", help="as `secret list` shows it")
    removing.add_argument("--profile", metavar="NAME", help="the profile it is kept for")
    add_yes(removing)
    for action in (setting, listing, removing):
        add_project(action)
        add_output(action)


def _action(
    actions: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, text: str
) -> argparse.ArgumentParser:
    description = f"{text[0].upper()}{text[1:]}."
    return actions.add_parser(name, help=text, description=description, allow_abbrev=False)


def run(args: argparse.Namespace, machine: Machine, folders: Folders) -> Outcome:
    """Set, list or remove.

    Raises:
        Refused: where it is not done, with the reason.
        Misuse: where the arguments cannot be meant.
    """
    store = Store(folders.config)
    if args.action == "list":
        return _list(args, machine, store)
    name = _name(args)
    return _set(args, machine, store, name) if args.action == "set" else _remove(args, machine, store, name)


def _name(args: argparse.Namespace) -> str:
    if args.action == "set" and args.too_much:
        raise Misuse(
            "the value is never an argument: other programs can read it there, and the shell keeps it",
            why="what was typed now is in the shell's history; take it out there, or make a new secret",
            mend=set_line("NAME"),
        )
    name = args.name
    if name is None:
        if not args.from_env:
            raise Misuse("which secret? It is named for the variable that servers read it from", mend=set_line("NAME"))
        name = args.from_env
    check_name(name)
    if args.profile is not None and not is_profile(args.profile):
        raise Misuse("a profile's name is letters, digits and `-._@:+`", mend="connect-mcp secret set --help")
    full: str = qualified(name, args.profile)
    return full


def _set(args: argparse.Namespace, machine: Machine, store: Store, name: str) -> Outcome:
    value = _value(args, machine, name)
    check_value(value)
    before = store.kept().get(name)
    notes = _into_keychain(args, machine, store, name, value) if args.keychain else []
    store.put(name, value, keychain=args.keychain)
    if before and before.keychain and not args.keychain:
        notes += _forgotten(name)
    if value != value.strip():
        notes.append("the value begins or ends with a blank, and was kept so")
    if value == args.name:  # somebody who answers the question twice
        notes.append("the value is the secret's own name")
    place = "the keychain" if args.keychain else short(store.path, machine)
    text = [f"{'replaced' if before else 'kept'} {name} in {place}", *(f"note: {note}" for note in notes)]
    data = {
        "command": "secret set",
        "name": name,
        "kept": "keychain" if args.keychain else "file",
        "replaced": before is not None,
        "notes": notes,
    }
    return Outcome(data, "\n  ".join(text))


def _value(args: argparse.Namespace, machine: Machine, name: str) -> str:
    variable = name.rpartition("/")[2]
    if args.from_env:
        value = machine.variable(args.from_env)
        if value is None:
            raise Refused("there is no variable of that name here, or it is empty")
        return value
    if args.from_dotenv:
        return _from_dotenv(machine.join(machine.cwd, str(args.from_dotenv)), variable)
    return hidden(f"{name} (not shown): ") if sys.stdin.isatty() else _from_stdin()


def _from_stdin() -> str:
    data = sys.stdin.buffer.read(LONGEST * 4 + 3)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        raise Refused("the value on standard input is not UTF-8") from None
    return text[:-2] if text.endswith("\r\n") else text.removesuffix("\n")


def _from_dotenv(path: str, variable: str) -> str:
    from connect_mcp.base.atomic import look
    from connect_mcp.base.dotenv import value_in
    from connect_mcp.base.errors import Place

    data = look(path).data
    if data is None:
        raise Refused("there is no such file", place=Place(path))
    if len(data) > _LARGEST_DOTENV:
        raise Refused("this is too large for a .env file", place=Place(path))
    try:
        value = value_in(data.decode(), variable, path)
    except UnicodeDecodeError:
        raise Refused("this file is not UTF-8", place=Place(path)) from None
    if value is None:
        raise Refused(f"{variable} is not in this file", place=Place(path))
    return value


def _into_keychain(args: argparse.Namespace, machine: Machine, store: Store, name: str, value: str) -> list[str]:
    """Put it there if everybody who needs it can read it there; what cannot is named, and then nothing has changed."""
    from connect_mcp.base import keychain

    from ..hosts.all_hosts import HOSTS
    from ..readback import unread, unread_by

    old = keychain.read(name)
    keychain.write(name, value)
    try:
        needed = [use for use in uses(machine, args.project) if use.secret == name]
        if not needed and (why := unread(name, value, machine.env)):
            raise Refused(f"what is put into the keychain is not found there again: {why}", mend=set_line(name))
        failed = unread_by(name, value, machine, [(use.host, use.spec.env) for use in needed])
        if failed:
            titles = {use.host.id: use.host.title for use in needed}
            raise Refused(
                f"{name} was not kept: servers of {', '.join(titles[host] for host in failed)} could not read it",
                why="; ".join(f"{titles[host]}: {why}" for host, why in failed.items()),
                mend=f"{set_line(name)} keeps it in a file of your own instead",
            )
    except BaseException:
        keychain.forget(name) if old is None else keychain.write(name, old)
        raise
    others = [host for host in HOSTS if host.detect(machine) and all(use.host is not host for use in needed)]
    blind = unread_by(name, value, machine, [(host, {}) for host in others])
    return [f"servers of {host.title} could not read it: {blind[host.id]}" for host in others if host.id in blind]


def _forgotten(name: str) -> list[str]:
    from connect_mcp.base import keychain

    try:
        keychain.forget(name)
    except Refused as refusal:
        return [f"the keychain still has the old value: {refusal.why or refusal.what}"]
    return []


def _list(args: argparse.Namespace, machine: Machine, store: Store) -> Outcome:
    kept, used = store.kept(), list(uses(machine, args.project))
    data = [
        {
            "name": one.name,
            "kept": _place(one),
            "since": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(one.since)),
            "used_by": [_user(use) for use in used if use.secret == one.name],
        }
        for one in kept.values()
    ]
    absent: dict[str, list[Use]] = {}
    for use in used:
        if use.secret not in kept:
            absent.setdefault(use.secret, []).append(use)
    missing = [{"name": name, "used_by": [_user(use) for use in of]} for name, of in absent.items()]
    lines = [f"{one.name}: {_place(one)}, {_age(one)}{_for(used, one.name)}" for one in kept.values()]
    lines = lines or ["no secret is kept; `connect-mcp secret set NAME` keeps one"]
    lines += [f"missing: {printable(name)}{_for(of, name)}\n  mend: {_mend(name)}" for name, of in absent.items()]
    return Outcome(
        {"command": "secret list", "path": store.path, "secrets": data, "missing": missing}, "\n".join(lines)
    )


def _remove(args: argparse.Namespace, machine: Machine, store: Store, name: str) -> Outcome:
    kept = store.kept()
    if name not in kept:
        known = ", ".join(kept) or "none"
        raise Refused(f"no secret {name} is kept", why=f"kept: {known}", mend="connect-mcp secret list")
    needed = [use for use in uses(machine, args.project) if use.secret == name]
    still = f"Still needed by {_users(needed)}. " if needed else ""
    if not args.yes:
        if args.json or not somebody_is_there():
            raise Misuse(
                f"{still}A secret cannot be brought back, and there is nobody to ask",
                mend=f"connect-mcp secret remove {name} --yes",
            )
        if not confirmed(f"{still}Remove {name}? It cannot be brought back."):
            raise Refused("nothing was removed")
    if kept[name].keychain:
        from connect_mcp.base import keychain

        keychain.forget(name)
    store.restore(name, None)
    text = f"removed {name}" + (f"\nnote: still needed by {_users(needed)}; {_mend(name)}" if needed else "")
    data = {"command": "secret remove", "name": name, "used_by": [_user(use) for use in needed]}
    return Outcome(data, text)


def _place(kept: Kept) -> str:
    return "keychain" if kept.keychain else "file"


def _age(kept: Kept) -> str:
    days = int(time.time() - kept.since) // _DAY
    return "set today" if days < 1 else f"set {days} {'day' if days == 1 else 'days'} ago"


def _for(used: Sequence[Use], name: str) -> str:
    of = [use for use in used if use.secret == name]
    return f", for {_users(of)}" if of else ", for no entry"


def _users(used: Sequence[Use]) -> str:
    return ", ".join(dict.fromkeys(f"{use.host.title} `{printable(use.entry)}`" for use in used))


def _user(use: Use) -> Mapping[str, str]:
    return {"host": use.host.id, "scope": use.scope, "path": use.path, "name": use.entry}


def _mend(name: str) -> str:
    try:
        check_name(name)
    except Misuse:  # an entry that somebody else wrote
        return "look at that entry: it names what cannot be a secret's name"
    return set_line(name)
