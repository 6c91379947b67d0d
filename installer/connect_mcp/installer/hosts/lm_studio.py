"""LM Studio: Cursor's notation, in a home folder that a file in the user's home may point to."""

from connect_mcp.base.machine import Machine

from .model import ConfigFile, Detection, Evidence, Host, PassedOn, reached, started
from .places import MCP_SERVERS
from .windsurf import DOUBTS

POINTER = "~/.lmstudio-home-pointer"


def config_file(machine: Machine, project: str) -> str:
    """`mcp.json` in LM Studio's home: the folder that the pointer names, else that which is there, new before old."""
    folders = [machine.path(folder) for folder in ("~/.lmstudio", "~/.cache/lm-studio")]
    named = (machine.files.read(machine.path(POINTER)) or b"").decode("utf-8", "replace").strip()
    if named and machine.is_dir(machine.join(machine.home, named)):
        folders.insert(0, machine.join(machine.home, named))
    home = next((folder for folder in folders if machine.is_dir(folder)), folders[0])
    return machine.join(home, "mcp.json")


HOST = Host(
    id="lm-studio",
    title="LM Studio",
    aliases=("lmstudio",),
    detection=Detection(
        commands=("lms",),
        paths=("~/.lmstudio", "~/.cache/lm-studio", POINTER),
        on={"macos": ("/Applications/LM Studio.app",)},
    ),
    scopes={
        "user": ConfigFile(path=config_file, section=MCP_SERVERS, format="jsonc", doubts=DOUBTS),
    },
    stdio=started(cwd=False),
    remote=reached({"http": "", "sse": ""}, known={"http": "http", "sse": "sse"}),
    off_by_hand="Use the switch beside the server in LM Studio's Program tab.",
    passed_on=PassedOn(from_dock=True),
    reload="Start LM Studio again, or save the file in its own editor: Program > Install > Edit mcp.json.",
    evidence={
        "detection": Evidence("derived", "from the config path and the programs' names"),
        "scopes.user": Evidence(
            "docs", "lmstudio.ai/docs/app/mcp; the older folder: lmstudio-bug-tracker#1371; the pointer: other tools"
        ),
        "tolerance": Evidence("memory", "not known: we write strict JSON"),
        "entry": Evidence("docs", "lmstudio.ai/docs/app/mcp: Cursor's notation"),
        "remote": Evidence("docs", "lmstudio.ai/docs/app/mcp: url and headers"),
        "off_by_hand": Evidence("memory", "not checked"),
        "passed_on": Evidence("derived", "from how such programs are started"),
        "reload": Evidence("memory", "not checked"),
    },
)
