"""Settings for several tenants: `profiles.json` in the settings folder, readable by its owner alone.

    {"acme": {"base_url": "https://api.connect.arythmatic.cloud/api/v1", "api_key": "arc_live_…"}}

A profile that is named is used as it stands, whatever the environment says: somebody with two tenants must not write
to one with the other's key.
"""

import difflib
import json
import os
import stat
from pathlib import Path
from typing import Any

from connect_mcp.server.results import Failure
from connect_mcp.server.settings import API_KEY, BASE_URL, Settings, read_settings

FILE = "profiles.json"

_FIELDS = {"base_url": BASE_URL, "api_key": API_KEY}


def read_profile(name: str, folder: Path, *, windows: bool = os.name == "nt") -> Settings:
    """The settings of a profile.

    Args:
        name: as in the file.
        folder: where the file is.
        windows: whether a file's mode says nothing about who may read it.

    Raises:
        Failure: UNAUTHENTICATED where there is no such profile, or no usable one; the hint says what mends it.
    """
    profiles = _profiles(folder / FILE, windows=windows)
    if name not in profiles:
        nearest = difflib.get_close_matches(name, profiles, n=1)
        meant = f"Is {nearest[0]} meant?" if nearest else f"It has {', '.join(sorted(profiles)) or 'none'}."
        raise _refused(f"{FILE} has no profile {name}.", meant)
    fields = profiles[name]
    missing = [field for field in _FIELDS if not _text(fields, field)]
    if missing:
        raise _refused(f"The profile {name} has no {' and no '.join(missing)}.", f"Add what is missing to {FILE}.")
    try:
        return read_settings({variable: _text(fields, field) for field, variable in _FIELDS.items()})
    except Failure as failure:
        problem = failure.message
        for field, variable in _FIELDS.items():
            problem = problem.replace(variable, field)
        raise _refused(f"The profile {name} cannot be used: {problem}", f"Mend it in {FILE}.") from None


def _profiles(file: Path, *, windows: bool) -> dict[str, Any]:
    try:
        with file.open("rb") as opened:
            if not windows and stat.S_IMODE(os.fstat(opened.fileno()).st_mode) & 0o077:
                raise _refused(f"{FILE} holds keys and others may read it.", f"Run chmod 600 on {FILE}.")
            profiles = json.loads(opened.read())
    except FileNotFoundError:
        raise _refused(
            f"The settings folder has no {FILE}.", 'It holds {"NAME": {"base_url": "…", "api_key": "…"}}.'
        ) from None
    except OSError as error:
        raise _refused(f"{FILE} cannot be read: {os.strerror(error.errno or 0)}.", None) from None
    except (ValueError, RecursionError):
        profiles = None
    if not isinstance(profiles, dict):
        raise _refused(f"{FILE} is not a JSON object.", f"Mend it: {FILE} lies in the settings folder.")
    return profiles


def _text(fields: Any, name: str) -> str:
    value = fields.get(name) if isinstance(fields, dict) else None
    return value.strip() if isinstance(value, str) else ""


def _refused(message: str, hint: str | None) -> Failure:
    return Failure("UNAUTHENTICATED", message, hint=hint)
