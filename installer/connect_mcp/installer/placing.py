"""A server's entry for a host's file, worked out from the server itself and not from options: for copies and APIs."""

import os
from collections.abc import Mapping, Sequence

from connect_mcp.base.errors import Refused
from connect_mcp.base.masking import secret_values
from connect_mcp.base.record import replace
from connect_mcp.base.secrets import Kept, Store

from .apply import Planned, Target
from .configured import entries_of, text_of
from .editors.model import Put, Value
from .jobs import Job, doubts, readable_by_others
from .launch import taken_for_references
from .secrecy import Hidden, Spot


def job_of(
    spot: Spot,
    done: Hidden,
    *,
    extra: Mapping[str, Value] | None = None,
    warnings: Sequence[str] = (),
    force: bool = False,
) -> Job:
    """Work out one entry.

    Args:
        spot: where it goes.
        done: the server, with its secrets where they belong.
        extra: further keys of the entry, in the host's own spelling.
        warnings: sentences for people, to which those about the file are added.
        force: whether to write also what the host is known to reject.

    Raises:
        Refused: for a name or a server that the host cannot have, a file that cannot be read or must not be made.
    """
    machine, host, location = spot.machine, spot.host, spot.location
    if why := host.refuse_name(spot.entry):
        raise Refused(f"{host.title} cannot have a server of this name", why=why, mend="choose another name")
    text = text_of(machine, location)
    entries = entries_of(text, location)
    if not force and not machine.exists(location.path) and (why := host.before_create(machine, location)):
        raise Refused(f"{host.title}: {location.path} was not made", why=why)
    key = host.entry_key(spot.entry)
    first, *rest = host.changes(location, spot.entry, done.spec, entries.get(key))
    changes: tuple[Put, ...] = (replace(first, entry={**first.entry, **(extra or {})}), *rest)
    target = Target(
        path=location.path,
        format=location.format,
        changes=changes,
        hosts=(host.id,),
        rejects=frozenset() if force else location.rejects,
        mode=0o600 if done.inline else location.mode,
        lock=location.lock,
    )
    notes = [*warnings, *done.warnings, *taken_for_references(host, done.spec), *doubts(host, location, text)]
    notes += [note for scope, file in host.scopes.items() if scope == spot.scope and (note := file.note)]
    notes += readable_by_others(machine, location) if done.inline else []
    known = frozenset(secret_values(dict(entries))) | done.values
    return Job(host, location, spot.entry, done.spec, target, key not in entries, known, done.keep, tuple(notes))


def must_be_readable(jobs: Sequence[Job], planned: Sequence[Planned]) -> None:
    """Refuse to add to a file that its host reads nothing of.

    Raises:
        Refused: with the place of what is wrong with it.
    """
    for item in planned:
        if item.before is None:
            continue
        from .dialects import refuse_rejected  # a file that is to be made has nothing in it that could be wrong

        for job in jobs:
            if job.target in item.targets:
                refuse_rejected(job.host, job.location, item.edit.old, item.edit.new)


class Foreseen(Store):
    """The store as it will be once what was worked out so far is kept.

    Attributes:
        pending: what is to be kept, by name.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        super().__init__(folder)
        self.pending: dict[str, str] = {}

    def kept(self) -> dict[str, Kept]:
        """As `Store.kept`, with what is pending."""
        return {**super().kept(), **{name: Kept(name, 0, False, value) for name, value in self.pending.items()}}

    def value(self, name: str) -> str | None:
        """As `Store.value`, with what is pending."""
        return self.pending[name] if name in self.pending else super().value(name)
