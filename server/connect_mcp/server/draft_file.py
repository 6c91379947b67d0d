"""The file that keeps quiz drafts: one for all servers of a user, replaced whole, and locked while it changes."""

import contextlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from connect_mcp.base import atomic, locks
from connect_mcp.base.errors import Refused
from connect_mcp.base.folders import private_folder
from connect_mcp.base.system import SYSTEM, System
from connect_mcp.server import wire
from connect_mcp.server.results import Failure

NAME = "quiz-drafts.json"
FORMAT = 1
LASTS = 7 * 24 * 3600.0
"""Seconds from a draft's last change to its end."""

LARGEST = 16 * 1024 * 1024
"""Bytes of all drafts together."""

_PATIENCE = 5.0


@dataclass
class Draft:
    """A quiz that is not published yet.

    Attributes:
        api: base URL of the API in which `space_id` means something.
        questions: as the API takes them.
        changed: when it last was, in seconds since 1970.
        publishing: when a server began to publish it, in seconds since 1970; 0 if none does.
    """

    api: str
    workspace_slug: str
    space_id: str
    title: str
    body: str
    changed: float
    publishing: float = 0.0
    questions: list[dict[str, Any]] = field(default_factory=list)


@dataclass
class Kept:
    """What the file holds while it is locked.

    Attributes:
        drafts: by id.
        set_aside: where a file is now that could not be read, or "".
    """

    drafts: dict[str, Draft]
    set_aside: str = ""


class DraftFile:
    """The file in one state folder.

    Args:
        folder: made with mode 0700 where it is missing.
        system: the operating system, and its clock.
    """

    def __init__(self, folder: Path, system: System = SYSTEM) -> None:
        self.path = str(folder / NAME)
        self._folder = folder
        self._system = system

    @contextlib.contextmanager
    def opened(self) -> Iterator[Kept]:
        """The drafts, without those that have ended; what is changed in them is kept, unless an exception leaves.

        Raises:
            Failure: INTERNAL where the file cannot be kept, CONFLICT while another server holds it for long,
                INVALID_ARG where it would become too large.
        """
        try:
            private_folder(self._folder)
            lock = locks.hold(self.path + ".lock", patience=_PATIENCE, system=self._system)
        except Refused:
            raise Failure("CONFLICT", "Another server holds the quiz drafts.", retryable=True) from None
        except OSError as error:
            raise self._failure(error.strerror) from None
        try:
            yield from self._locked()
        except Refused as refused:
            raise self._failure(refused.what) from None
        except atomic.Changed:
            raise Failure("CONFLICT", "Something else wrote the quiz drafts meanwhile.", retryable=True) from None
        except OSError as error:
            raise self._failure(error.strerror) from None
        finally:
            locks.release(lock)

    def _locked(self) -> Iterator[Kept]:
        path = os.path.realpath(self.path)
        seen, kept = atomic.look(path, self._system), Kept({})
        if seen.data is not None:
            try:
                kept.drafts = _read(seen.data)
            except (ValueError, RecursionError):
                kept.set_aside = f"{path}.damaged-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime(self._system.clock()))}"
                self._system(os.replace, path, kept.set_aside)
                seen = atomic.look(path, self._system)
        now = self._system.clock()
        kept.drafts = {key: draft for key, draft in kept.drafts.items() if now - draft.changed <= LASTS}
        yield kept
        data = _written(kept.drafts)
        if len(data) > LARGEST:
            raise Failure("INVALID_ARG", f"All quiz drafts together would be larger than {LARGEST} bytes.")
        if data != seen.data and (kept.drafts or seen.data is not None):
            temp = path + ".new"  # of somebody who died while holding the lock, if it is there
            with contextlib.suppress(FileNotFoundError):
                self._system(os.unlink, temp)
            atomic.put(path, data, seen, temp=temp, mode=0o600, system=self._system)

    def _failure(self, why: str | None) -> Failure:
        return Failure(
            "INTERNAL",
            f"Quiz drafts cannot be kept in {self.path}: {why or 'it cannot be used'}.",
            hint="Make it writable for this server, or name another folder with --state-dir in the host's entry.",
        )


def _read(data: bytes) -> dict[str, Draft]:
    """The drafts in a file.

    Raises:
        ValueError: if it is none of ours.
        RecursionError: if it is nested too deeply.
    """
    value = wire.parse(data)
    if not isinstance(value, dict) or value.get("format") != FORMAT or not isinstance(value.get("drafts"), dict):
        raise ValueError("no file of drafts")
    return {ident: _draft(draft) for ident, draft in value["drafts"].items()}


def _draft(value: Any) -> Draft:
    if not isinstance(value, dict) or set(value) != {one.name for one in fields(Draft)}:
        raise ValueError("no draft")
    draft = Draft(**value)
    texts = (draft.api, draft.workspace_slug, draft.space_id, draft.title, draft.body)
    if not all(isinstance(text, str) for text in texts):
        raise ValueError("a text that is none")
    if not all(isinstance(moment, int | float) for moment in (draft.changed, draft.publishing)):
        raise ValueError("a time that is none")
    if not isinstance(draft.questions, list) or not all(isinstance(one, dict) for one in draft.questions):
        raise ValueError("questions that are none")
    return draft


def _written(drafts: dict[str, Draft]) -> bytes:
    value = {"format": FORMAT, "drafts": {ident: asdict(draft) for ident, draft in drafts.items()}}
    return json.dumps(value, indent=1).encode() + b"\n"
