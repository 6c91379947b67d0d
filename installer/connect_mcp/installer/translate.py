"""An entry of one host as another host would have it, and what of it has no equivalent there.

Pure: entries in, entries out. References stay references wherever the other host has a form for one; what is lost is
named by its key, never by its value.
"""

from collections.abc import Mapping
from typing import Any

from connect_mcp.base.errors import Refused
from connect_mcp.base.machine import Machine
from connect_mcp.base.record import record, replace

from .editors.model import Section, Value
from .hosts.model import Entry, Form, Host
from .spec import Reference, ServerSpec, Template


@record
class Translated:
    """A server for another host.

    Attributes:
        spec: the server; the other host can hold all of it.
        extra: further keys of its entry there: timeouts, and whether it is off.
        notes: what has no equivalent or was changed, one sentence each, without values.
    """

    spec: ServerSpec
    extra: Mapping[str, Value]
    notes: tuple[str, ...]


def translated(source: Host, entry: Value, target: Host, machine: Machine, *, off: bool = False) -> Translated:
    """An entry of `source` for `target`.

    Args:
        source: whose entry it is.
        entry: the entry.
        target: the other host.
        machine: where both are; gives what only `source` has a reference for (the home folder).
        off: whether `source` has it in a list of what is switched off.

    Raises:
        Refused: where `source` itself cannot use the entry, or `target` has no form for such a server.
    """
    spec = source.read(entry)
    if spec is None or not isinstance(entry, Mapping):
        raise Refused(f"{source.title} cannot use this entry itself")
    notes = _own_keys(source, entry, spec)
    spec = _without(spec, target.form(spec), target, notes)
    spec = _referring(spec, target, machine, notes)
    extra = _waits(source, entry, target, notes)
    if off or source.is_off(entry):
        extra |= _off(source, target, notes)
    target.render(spec)  # what it still has no form for is refused here
    return Translated(spec, extra, tuple(notes))


def _without(spec: ServerSpec, form: Form, target: Host, notes: list[str]) -> ServerSpec:
    """The server without what the other host's form has no key for."""
    for name in ("cwd", "headers"):
        if getattr(spec, name) and name not in form.fields:
            notes.append(f"{target.title} has no key for a server's {_FIELDS[name]}: left out")
            spec = replace(spec, **{name: "" if name == "cwd" else {}})
    return spec


_FIELDS = {"cwd": "working folder (cwd)", "headers": "HTTP headers"}


def _referring(spec: ServerSpec, target: Host, machine: Machine, notes: list[str]) -> ServerSpec:
    """The server with every reference in a form that the other host has, where it has one."""

    def changed(field: str, text: str, name: str = "") -> str:
        if not isinstance(text, Template) or _writable(target, field, text, name):
            return text
        filled = _filled(text, machine)
        if not isinstance(filled, Template):
            return filled
        simpler = [_simpler(part, name if len(filled.parts) == 1 else "") for part in filled.parts]
        other = Template(*(part for part, _ in simpler))
        if not _writable(target, field, other, name):
            return filled
        notes.extend(f"{name or field}: {why}" for _, why in simpler if why)
        return other

    env = {key: changed("env", text, key) for key, text in spec.env.items()}
    headers = {key: changed("headers", text, key) for key, text in spec.headers.items()}
    rest = replace(spec, env={}, headers={}).mapped(changed)
    return replace(rest, env=env, headers=headers)


def _filled(text: Template, machine: Machine) -> str:
    """The text with what is the same for every host put in: the home folder, and what stands between folders."""
    known = {"home": machine.home, "separator": "\\" if machine.platform == "windows" else "/"}
    parts = [known.get(part.kind, part) if isinstance(part, Reference) else part for part in text.parts]
    return Template(*parts) if any(isinstance(part, Reference) for part in parts) else "".join(map(str, parts))


def _simpler(part: str | Reference, name: str) -> tuple[str | Reference, str]:
    """A reference that more hosts have a form for, and what that means for a person; "" where nothing is changed.

    Args:
        part: a part of a text.
        name: the variable or header that is nothing but this reference; "" for any other.
    """
    if not isinstance(part, Reference):
        return part, ""
    if part.kind == "env" and part.default is not None:
        return Reference("env", part.name), f"the default of {part.name} is lost, so that variable must be set"
    if part.kind in ("input", "secret", "file") and name:
        variable = name.upper().replace("-", "_")
        return Reference("env", variable), f"{part} has no equivalent: set {variable} where the host is started"
    return part, ""


def _writable(target: Host, field: str, text: str, name: str) -> bool:
    """Whether the other host has a form for every reference in a text."""
    held = {name or "NAME": text}
    if field == "headers":
        spec = ServerSpec(url="https://x", transport="http", headers=held)
    elif field == "url":
        spec = ServerSpec(url=text, transport="http")
    else:
        fields: dict[str, Any] = {
            "command": "x",
            field: held if field == "env" else (text,) if field == "args" else text,
        }
        spec = ServerSpec(**fields)
    if spec.is_remote and target.remote and "http" not in target.remote.transports:
        spec = replace(spec, transport=next(iter(target.remote.transports)))
    try:
        target.render(spec)
    except Refused:
        return False
    return True


def _waits(source: Host, entry: Entry, target: Host, notes: list[str]) -> dict[str, Value]:
    """The timeouts, in the other host's keys and units."""
    given: dict[str, Value] = {}
    seen: dict[str, float] = {}
    for wait in source.waits:
        value = entry.get(wait.key)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            continue
        theirs = next((other for other in target.waits if other.during == wait.during), None)
        if theirs is None:
            what = "the server's start" if wait.during == "start" else "a call"
            notes.append(f"{wait.key}: {target.title} has no key for how long it waits for {what}")
        else:  # one key may stand for both kinds: the longer wait harms less
            number = max(round(value * wait.unit / theirs.unit, 3), seen.get(theirs.key, 0))
            seen[theirs.key] = number
            given[theirs.key] = int(number) if number == int(number) else number
    return given


def _off(source: Host, target: Host, notes: list[str]) -> dict[str, Value]:
    if target.off:
        return dict(target.off[:1])
    where = f"`connect-mcp disable {target.id}`" if target.off_names else "a person must switch it off there"
    notes.append(f"it is switched off in {source.title}, and its entry in {target.title} cannot say so: {where}")
    return {}


def _own_keys(source: Host, entry: Entry, spec: ServerSpec) -> list[str]:
    """What is said of keys that the server does not hold."""
    held: set[str | None] = {"type", source.name_in, *source.render(spec), *source.form(spec).fresh}
    held |= {config.section.keyed_by for config in source.scopes.values() if isinstance(config.section, Section)}
    held |= {key for key, _ in source.off} | {wait.key for wait in source.waits}
    own = [key for key, value in entry.items() if key not in held and value not in (None, "", [], (), {})]
    return [f"{', '.join(own)}: {source.title}'s own, not copied"] if own else []
