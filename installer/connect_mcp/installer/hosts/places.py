"""How the one file to write is chosen where a host has several, and other choices of places that rows share."""

from typing import NamedTuple

from connect_mcp.base.errors import Refused
from connect_mcp.base.machine import Machine
from connect_mcp.installer.editors.model import Section

from .model import FormatName, Location


def placed(machine: Machine, project: str, template: str) -> str:
    """The path of a template for `Machine.path`; one that does not begin with `~`, `$` or `%` lies in the project."""
    return machine.path(template) if template[0] in "~$%" else machine.join(project, template)


class Candidates(NamedTuple):
    """Several files that a host reads servers from, and merges.

    Attributes:
        section: where in them the servers are.
        templates: the files (see `placed`), in the order in which the host reads them: the last one wins.
        new: the one to make where there is none; it may stand among `templates` as well.
        format: the editor that they take.
    """

    section: Section
    templates: tuple[str, ...]
    new: str
    format: FormatName = "jsonc"

    def path(self, machine: Machine, project: str) -> str:
        """The one to write.

        One that holds servers wins, so that they stay together; then one that is there. Among equals it is the one
        that the host reads last, since nothing in the others can override what it says.
        """
        there = self.there(machine, project)
        if len(there) > 1:
            there = [file for file in there if self._may_hold_servers(machine, file)] or there
        return there[-1] if there else placed(machine, project, self.new)

    def others(self, machine: Machine, project: str) -> tuple[str, ...]:
        """The rest of those that are there: where more than one holds servers, the last was chosen and wins."""
        chosen = self.path(machine, project)
        return tuple(file for file in self.there(machine, project) if file != chosen)

    def there(self, machine: Machine, project: str) -> list[str]:
        """Those that are there, in order."""
        return [file for template in self.templates if machine.exists(file := placed(machine, project, template))]

    def _may_hold_servers(self, machine: Machine, file: str) -> bool:
        return may_hold_servers(machine, file, self.section, self.format)


def may_hold_servers(
    machine: Machine, file: str, section: Section, name: FormatName = "jsonc", *, unreadable: bool = True
) -> bool:
    """Whether the file has servers.

    Args:
        machine: where.
        file: its path.
        section: where the servers would be.
        name: its format.
        unreadable: what to say of one that cannot be read; taken for one with servers, the edit says what is wrong.
    """
    from connect_mcp.installer.editors.engine import decode, read
    from connect_mcp.installer.editors.formats import format_named

    try:
        return bool(read(decode(machine.files.read(file) or b"", file), format_named(name), section, file))
    except Refused:
        return unreadable


MCP_SERVERS = Section(("mcpServers",))
"""The usual section."""


def would_hide(machine: Machine, location: Location) -> str | None:
    """Why a project's `.mcp.json` should not be made: Copilot reads `.github/mcp.json` only where there is none."""
    other = machine.join(machine.parent(location.path), ".github/mcp.json")
    if not location.path.endswith(".mcp.json") or not machine.exists(other):
        return None
    if not may_hold_servers(machine, other, MCP_SERVERS):
        return None
    return (
        f"GitHub Copilot CLI reads {other} only as long as the project has no .mcp.json, so making one would hide the "
        "servers in it. Move that file to .mcp.json first."
    )


def code_user_folder(machine: Machine, folder: str = "Code") -> str:
    """The folder `User` of one build of VS Code, with its settings and what its extensions keep.

    Args:
        machine: where.
        folder: the name of the build's folder.
    """
    if portable := machine.variable("VSCODE_PORTABLE"):
        return machine.join(portable, "user-data/User")
    if moved := machine.variable("VSCODE_APPDATA"):
        return machine.join(moved, folder, "User")
    usual = {
        "linux": f"$XDG_CONFIG_HOME/{folder}/User",
        "macos": f"~/Library/Application Support/{folder}/User",
        "windows": f"%APPDATA%/{folder}/User",
    }
    return machine.path(usual[machine.platform])


CODE_RELOCATORS = ("VSCODE_PORTABLE", "VSCODE_APPDATA", "XDG_CONFIG_HOME")
"""The variables that move `code_user_folder`."""
