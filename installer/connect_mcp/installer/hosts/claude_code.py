"""Claude Code: three scopes, in one state file that it rewrites all the time and one file that a project shares."""

from connect_mcp.base.machine import Machine
from connect_mcp.installer.editors.model import NAMES, Section

from .model import (
    COMMENTS_AND_COMMAS,
    ConfigFile,
    Detection,
    Evidence,
    Host,
    Limits,
    NameRule,
    PassedOn,
    Patience,
    Wait,
    in_project,
    reached,
    started,
    typed,
)
from .own_locks import CLAUDE_CODE
from .places import would_hide
from .syntax import Syntax

RESERVED = frozenset({"workspace", "claude-in-chrome", "computer-use", "Claude Preview", "Claude Browser"})


def state_file(machine: Machine, project: str) -> str:
    """`.claude.json`, or the `.config.json` of an early version where that is still there: Claude Code prefers it."""
    folder = machine.variable("CLAUDE_CONFIG_DIR")
    early = machine.join(folder or machine.path("~/.claude"), ".config.json")
    return early if machine.exists(early) else machine.join(folder or machine.home, ".claude.json")


def local_section(machine: Machine, project: str) -> Section:
    """A project's own servers in the state file."""
    return Section(("projects", project_key(machine, project), "mcpServers"))


def off_section(machine: Machine, project: str) -> Section:
    """The names of the servers, of whatever scope, that are off in a project."""
    return Section(("projects", project_key(machine, project), "disabledMcpServers"), NAMES)


def project_key(machine: Machine, project: str) -> str:
    """The path that Claude Code knows a project by in its state file."""
    import unicodedata  # only what is kept per project needs it

    folder = machine.files.real(project)
    root = _main_checkout(machine, _git_root(machine, folder) or folder)
    if machine.platform == "windows":
        root = root.replace("\\", "/")
    return unicodedata.normalize("NFC", root)


def _git_root(machine: Machine, folder: str) -> str | None:
    return next((above for above in machine.upward(folder) if machine.exists(machine.join(above, ".git"))), None)


def _main_checkout(machine: Machine, root: str) -> str:
    """The checkout that a git worktree belongs to, since Claude Code counts both as one project; otherwise `root`."""
    link = _line(machine, machine.join(root, ".git"))
    if not link.startswith("gitdir:"):
        return root
    private = machine.join(root, link.removeprefix("gitdir:").strip())
    common = _line(machine, machine.join(private, "commondir"))
    if not common:  # a submodule: a project of its own
        return root
    shared = machine.join(private, common)
    return machine.parent(shared) if shared == machine.join(machine.parent(shared), ".git") else shared


def _line(machine: Machine, path: str) -> str:
    return (machine.files.read(path) or b"").decode("utf-8", "replace").strip()


SYNTAX = Syntax(
    r"\$\{(?P<env>[A-Za-z_]\w*)(?::-(?P<default>[^}]*))?\}",
    {"env": "${{name}}", "env-default": "${{name}:-{default}}"},
    frozenset({"command", "args", "env", "url", "headers"}),
)

HOST = Host(
    id="claude-code",
    title="Claude Code",
    aliases=("claude",),
    detection=Detection(commands=("claude",), paths=("~/.claude", "~/.claude.json")),
    scopes={
        "user": ConfigFile(
            path=state_file,
            section=Section(("mcpServers",)),
            format="jsonc",
            relocators=("CLAUDE_CONFIG_DIR",),
            rejects=COMMENTS_AND_COMMAS,
            mode=0o600,
            lock=CLAUDE_CODE,
        ),
        "project": ConfigFile(
            path=in_project(".mcp.json"),
            section=Section(("mcpServers",)),
            format="jsonc",
            rejects=COMMENTS_AND_COMMAS,
            note="Claude Code asks each person to approve a project's servers before it starts them.",
        ),
        "local": ConfigFile(
            path=state_file,
            section=local_section,
            format="jsonc",
            relocators=("CLAUDE_CONFIG_DIR",),
            rejects=COMMENTS_AND_COMMAS,
            mode=0o600,
            lock=CLAUDE_CODE,
        ),
    },
    stdio=started(typed, cwd=False),
    remote=reached({"http": "http", "sse": "sse"}, known={"streamable-http": "http"}, keys=("headersHelper", "oauth")),
    syntax=SYNTAX,
    off_names=ConfigFile(
        path=state_file,
        section=off_section,
        format="jsonc",
        relocators=("CLAUDE_CONFIG_DIR",),
        rejects=COMMENTS_AND_COMMAS,
        mode=0o600,
        note="Claude Code switches servers off project by project.",
    ),
    waits=(Wait("timeout", "call", 0.001),),
    limits=Limits(prefix="mcp__{server}__{tool}", choices=False),
    name_rules=(
        NameRule(RESERVED.__contains__, "Claude Code keeps this name for itself and would not load the server."),
    ),
    passed_on=PassedOn(adds={"CLAUDECODE": "1"}),
    patience=Patience(interactive=30, headless=2, setting="MCP_TIMEOUT (milliseconds) in Claude Code's environment"),
    shims=("*",),
    protocol="2025-11-25",
    reload="Start a new Claude Code session, or run /mcp in a running one to see the server's state.",
    before_create=would_hide,
    evidence={
        "detection": Evidence("live", "claude 2.1.197"),
        "scopes.user": Evidence("live", "claude 2.1.197: mcp add -s user, with and without CLAUDE_CONFIG_DIR"),
        "scopes.project": Evidence("live", "claude 2.1.197: mcp add -s project; read from the working folder upward"),
        "scopes.local": Evidence(
            "live",
            "claude 2.1.197: mcp add -s local in folders, sub-folders, worktrees, submodules; Windows from source",
        ),
        "tolerance": Evidence("live", "claude 2.1.197: it sets a state file with a comment aside and starts afresh"),
        "entry": Evidence("live", "claude 2.1.197: mcp add, mcp list; type and url checked per entry"),
        "remote": Evidence(
            "live",
            "claude 2.1.197: mcp list connects, a header with a reference is sent; a url without a type is skipped",
        ),
        "syntax": Evidence("live", "claude 2.1.197: not set: the text stays, with a warning"),
        "off_names": Evidence(
            "live", "claude 2.1.197: its list of servers at a session's start; `mcp list` takes no notice"
        ),
        "waits": Evidence("source", "claude 2.1.197: the entry's schema"),
        "limits": Evidence(
            "docs", "names: claude 2.1.197, source; schemas with a choice at the top: anthropics/claude-code#95504"
        ),
        "name_rules": Evidence("source", "claude 2.1.197: 'is a reserved MCP server name and was not loaded'"),
        "passed_on": Evidence("live", "claude 2.1.197: its whole environment, and CLAUDE_* variables of the session"),
        "patience": Evidence("live", "claude 2.1.197: 31.7 s interactive, about 2 s with -p"),
        "protocol": Evidence("live", "claude 2.1.197"),
        "shims": Evidence("docs", "Claude Code's changelog: `cmd /c` is no longer needed"),
        "reload": Evidence("docs", "Claude Code's documentation of /mcp"),
        "precedence": Evidence(
            "live", "claude 2.1.197: a project's entry that is not approved yet loses to the user's"
        ),
        "before_create": Evidence("live", "copilot 1.0.102: mcp list --json with both files"),
    },
)
