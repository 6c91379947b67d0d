"""The store of secrets: one file in the settings folder that its owner alone may read, and the keychain beside it.

    {"version": 1, "secrets": {"GITHUB_TOKEN": {"set": 1790000000, "value": "…"},
                               "acme/ARYTHMATIC_API_KEY": {"set": 1790000000, "keychain": true}}}

A secret is named for the variable that a server reads it from, with the name of a profile and a slash before it where
there are several of them. Where `keychain` stands instead of a value, the system's keychain has it under the same name.

Reading needs neither lock nor import: a server reads at its first call, and `connect-mcp run` on its way to the server.
"""

import contextlib
import json
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .errors import Misuse, Place, Refused
from .record import field, record
from .system import SYSTEM, System

FILE = "secrets.json"
VERSION = 1

LONGEST = 32_000
"""Characters of a value: Windows takes 32,767 for a variable, its name and its end included."""

_TAIL = "-._@:+"
"""What may stand in a profile's name beside letters, digits and slashes."""


@record
class Kept:
    """What is known of a secret.

    Attributes:
        name: what it is called, its profile included.
        since: when it was set, in seconds since 1970.
        keychain: whether the keychain has the value, not the file.
        value: what the file has; None where the keychain has it.
    """

    name: str
    since: int
    keychain: bool
    value: str | None = field(repr=False)


class Store:
    """The secrets in one settings folder.

    Args:
        folder: the settings folder; need not exist.
        system: the operating system; on Windows a file's mode says nothing about who may read it.
    """

    def __init__(self, folder: str | os.PathLike[str], system: System = SYSTEM) -> None:
        self.path = os.path.join(os.fspath(folder), FILE)
        self._system = system

    def kept(self) -> dict[str, Kept]:
        """Every secret by its name, sorted; what the keychain has is not looked up.

        Raises:
            Refused: where the file cannot be read, is not what this program writes, or others may read it.
        """
        rows = self._read()["secrets"]
        return {name: _kept(name, rows[name], self.path) for name in sorted(rows)}

    def value(self, name: str) -> str | None:
        """A secret's value; None where there is none of that name.

        Raises:
            Refused: as for `kept`, and where the keychain does not give what it should have.
        """
        row = self._read()["secrets"].get(name)
        if row is None:
            return None
        kept = _kept(name, row, self.path)
        if not kept.keychain:
            return kept.value
        from . import keychain  # nothing of it is needed for what the file has

        value = keychain.read(name)
        if value is None:
            raise Refused(
                f"the keychain no longer has {name}",
                why="it was put there, and something else has taken it out",
                mend=set_line(name, keychain=True),
            )
        return value

    def state(self) -> object:
        """Something that is another once the file has changed; costs one look at the folder."""
        try:
            about = os.stat(self.path)
        except OSError:
            return None
        return about.st_mtime_ns, about.st_ino, about.st_size

    def put(self, name: str, value: str, *, keychain: bool = False) -> None:
        """Keep a value in the file, or only note that the keychain has it.

        What was there under that name is replaced. Where the value was in the keychain and goes into the file, the
        keychain keeps its own; see `keychain.forget`.

        Raises:
            Refused: as for `kept`, for a name or a value that cannot be one, and where the file cannot be written.
        """
        check_name(name)
        check_value(value)
        since = int(self._system.clock())
        row = {"set": since, "keychain": True} if keychain else {"set": since, "value": value}
        with self._changed() as rows:
            rows[name] = row

    def restore(self, name: str, kept: Kept | None) -> None:
        """Put one secret back as it was; None for one that was not there.

        Raises:
            Refused: as for `put`.
        """
        with self._changed() as rows:
            if kept is None:
                rows.pop(name, None)
            else:
                rows[name] = {"set": kept.since, **({"keychain": True} if kept.keychain else {"value": kept.value})}

    @contextlib.contextmanager
    def _changed(self) -> Iterator[dict[str, Any]]:
        """The rows, to be changed; no other process changes them meanwhile, and they are written in one step."""
        from . import atomic, locks  # only what writes needs them
        from .folders import private_folder

        path = os.path.realpath(self.path)
        try:
            private_folder(os.path.dirname(path), self._system)
            lock = locks.hold(f"{path}.lock", system=self._system)
        except OSError as error:
            raise atomic.refusal(error, path, "written") from None
        try:
            content = self._read()
            yield content["secrets"]
            data = json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
            atomic.save(path, data.encode(), system=self._system)
            atomic.sync_folder(os.path.dirname(path), self._system)
        except OSError as error:
            raise atomic.refusal(error, path, "written") from None
        finally:
            locks.release(lock)

    def _read(self) -> dict[str, Any]:
        try:
            with open(self.path, "rb") as file:
                mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
                if mode & 0o077 and not self._system.windows:
                    raise Refused(
                        "this file holds secrets, and others on this machine may read it",
                        place=Place(self.path),
                        mend=f"chmod 600 {_quoted(self.path)}",
                    )
                content = json.loads(file.read())
        except FileNotFoundError:
            return {"version": VERSION, "secrets": {}}
        except OSError as error:
            from .atomic import refusal

            raise refusal(error, self.path, "read") from None
        except (ValueError, RecursionError):  # never the reader's own words: they may quote the file
            raise self._odd("it is not JSON") from None
        if not isinstance(content, dict) or not isinstance(content.get("secrets"), dict):
            raise self._odd("it is not an object with `secrets`")
        if content.get("version") != VERSION:
            raise self._odd(f"its version is not {VERSION}, so another version of this program has written it")
        return content

    def _odd(self, why: str) -> Refused:
        return Refused(
            "this is not a store of secrets that can be used",
            place=Place(self.path),
            why=why,
            mend="mend the file, or move it away and set the secrets again",
        )


def known_values(argv: Sequence[str] = ()) -> set[str]:
    """The values in the user's own store, to be masked where words of a server, or of a bug, are shown.

    Args:
        argv: the server's command: of what the keychain has, only what is named there is read.
    """
    from .folders import config_folder

    found: set[str | None] = set()
    with contextlib.suppress(Refused, OSError):
        store = Store(config_folder())
        for name, kept in store.kept().items():
            if kept.keychain and any(word == name or word.startswith(f"{name}=") for word in argv):
                with contextlib.suppress(Refused):
                    found.add(store.value(name))
            if not (name.endswith("_URL") and "@" not in (kept.value or "")):  # an address is kept beside its key
                found.add(kept.value)
    return {value for value in found if value}


def check_name(name: str) -> None:
    """See that a secret can have this name; what cannot be one is not shown, since it may be a value.

    Raises:
        Misuse: where it cannot.
    """
    profile, slash, variable = name.rpartition("/")
    if not is_variable(variable) or (slash and not is_profile(profile)):
        raise Misuse(
            "a secret is named for a variable: letters, digits and _, with a profile's name and / before it if wanted",
            why="the value never goes onto the command line, where other programs can read it",
            mend="connect-mcp secret set NAME",
        )
    from .masking import masked

    if masked(name) != name:
        raise Misuse("this name looks like a secret itself", mend="connect-mcp secret set NAME asks for the value")


def is_variable(name: str) -> bool:
    """Whether an environment variable can have this name wherever servers are started."""
    return name.isascii() and name.replace("_", "a").isalnum() and not name[:1].isdigit()


def is_profile(name: str) -> bool:
    """Whether a profile can have this name: parts of letters, digits and `-._@:+`, with slashes between them."""
    return name.isascii() and all(
        part[:1].isalnum() and all(char.isalnum() or char in _TAIL for char in part) for part in name.split("/")
    )


def check_value(value: str) -> None:
    """See that a value can go into an environment variable and a header.

    Raises:
        Refused: for an empty one, one that is too long, and one with control characters.
    """
    if not value.strip():
        raise Refused("the value is empty", mend="give it when it is asked for, or on standard input")
    if len(value) > LONGEST:
        raise Refused(
            f"the value has {len(value)} characters, and {LONGEST} are the most",
            why="a variable cannot hold more on every system",
        )
    if any(char < " " or "\x7f" <= char < "\xa0" or "\ud800" <= char < "\ue000" for char in value):
        raise Refused(
            "the value holds a control character, such as a line end",
            why="it goes into variables and headers, which are one line",
            mend="give the value alone, on one line",
        )


def qualified(name: str, profile: str | None) -> str:
    """A secret's name within a profile; as it is without one, or where it names one itself."""
    return name if profile is None or "/" in name else f"{profile}/{name}"


def set_line(name: str, *, keychain: bool = False) -> str:
    """The command that sets a secret."""
    return f"connect-mcp secret set {name}{' --keychain' if keychain else ''}"


def _kept(name: str, row: object, path: str) -> Kept:
    if isinstance(row, Mapping):
        since, value, keychain = row.get("set"), row.get("value"), row.get("keychain") is True
        if isinstance(since, int) and (keychain or isinstance(value, str)):
            return Kept(name, since, keychain, None if keychain else value)
    raise Refused(f"the secret {name} is not kept in a way that can be read", place=Place(path), mend=set_line(name))


def _quoted(path: str) -> str:
    import shlex

    return shlex.quote(path)
