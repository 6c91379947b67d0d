"""Config files with one fault each, and what the host makes of it: held against our judgement and the real programs."""

import json
from typing import NamedTuple

from connect_mcp.installer.dialects import Consequence

CODEX_HEAD = '[mcp_servers.fine]\ncommand = "true"\n\n[mcp_servers.x]\n'
CONTINUE_HEAD = 'name: mine\nversion: 1.0.0\nmcpServers:\n  - name: fine\n    command: "true"\n  - '


class Judged(NamedTuple):
    """One file.

    Attributes:
        host: whose file it is.
        about: what is wrong, in a few words.
        text: the file.
        consequence: what the host does; None where nothing is wrong.
        place: line and column of the fault.
        name: the path of the fault.
    """

    host: str
    about: str
    text: str
    consequence: Consequence | None = None
    place: tuple[int, int] = (0, 0)
    name: str = ""

    @property
    def id(self) -> str:
        return f"{self.host}: {self.about}"


def _codex(about: str, body: str, consequence: Consequence | None = "file", line: int = 6, name: str = "") -> Judged:
    """A file with a second entry `x`, whose fault begins its line."""
    column = 14 if line == 4 else 1
    path = ".".join(part for part in ("mcp_servers", "x", name) if part)
    return Judged("codex", about, f"{CODEX_HEAD}{body}\n", consequence, (line, column), path)


def _opencode(
    about: str, entry: object, consequence: Consequence | None = "file", name: str = "", key: str = ""
) -> Judged:
    """A file with a second entry `x`, pretty-printed; the fault is at `key`, or at the entry's own."""
    text = json.dumps({"mcp": {"fine": {"type": "local", "command": ["true"]}, "x": entry}}, indent=2)
    lines = text.split("\n")
    first = lines.index(next(line for line in lines if line.startswith('    "x"')))
    wanted = f'"{key or "x"}"'
    row = next(index for index in range(first, len(lines)) if lines[index].lstrip().startswith(wanted))
    place = (row + 1, lines[row].index(wanted) + 1)
    return Judged("opencode", about, text, consequence, place, ".".join(part for part in ("mcp.x", name) if part))


def _continue(
    about: str, body: str, consequence: Consequence | None = "file", *, place: tuple[int, int], name: str = ""
) -> Judged:
    text = CONTINUE_HEAD + body.replace("\n", "\n    ") + "\n"
    return Judged("continue", about, text, consequence, place, f"mcpServers[1]{name}")


LOCAL = {"type": "local", "command": ["true"]}
REMOTE = {"type": "remote", "url": "http://127.0.0.1:9/"}

CODEX = [
    _codex("a command", 'command = "true"', None),
    _codex("a url", 'url = "https://mcp.example.com"', None),
    _codex("scopes beside a command", 'command = "true"\nscopes = []', None),
    _codex("an empty command", 'command = ""', None),
    _codex("a variable by name and source", 'command = "true"\nenv_vars = [{ name = "A", source = "local" }]', None),
    _codex("neither command nor url", "enabled = true", line=4),
    _codex("command and url", 'command = "true"\nurl = "https://mcp.example.com"', name="url"),
    _codex("a command that is a number", "command = 1", line=5, name="command"),
    _codex("args as a text", 'command = "true"\nargs = "serve"', name="args"),
    _codex("env as a text", 'command = "true"\nenv = "A=b"', name="env"),
    _codex("cwd as a number", 'command = "true"\ncwd = 1', name="cwd"),
    _codex("a token in the file", 'url = "https://x"\nbearer_token = "sk-planted-1234567890"', name="bearer_token"),
    _codex("a bearer token for a command", 'command = "true"\nbearer_token_env_var = "A"', name="bearer_token_env_var"),
    _codex("headers for a command", 'command = "true"\nhttp_headers = {}', name="http_headers"),
    _codex("named headers for a command", 'command = "true"\nenv_http_headers = {}', name="env_http_headers"),
    _codex("a helper for a command", 'command = "true"\nhttp_headers_helper = "a"', name="http_headers_helper"),
    _codex("auth for a command", 'command = "true"\nauth = "oauth"', name="auth"),
    _codex("oauth for a command", 'command = "true"\noauth = {}', name="oauth"),
    _codex("a resource for a command", 'command = "true"\noauth_resource = "a"', name="oauth_resource"),
    _codex("args for a url", 'url = "https://x"\nargs = []', name="args"),
    _codex("env for a url", 'url = "https://x"\nenv = {}', name="env"),
    _codex("env_vars for a url", 'url = "https://x"\nenv_vars = []', name="env_vars"),
    _codex("cwd for a url", 'url = "https://x"\ncwd = "/"', name="cwd"),
    _codex("enabled as a text", 'command = "true"\nenabled = "no"', name="enabled"),
    _codex("required as a text", 'command = "true"\nrequired = "no"', name="required"),
    _codex("a timeout as a text", 'command = "true"\nstartup_timeout_sec = "5"', name="startup_timeout_sec"),
    _codex("a negative timeout", 'command = "true"\ntool_timeout_sec = -1', name="tool_timeout_sec"),
    _codex("half a millisecond", 'command = "true"\nstartup_timeout_ms = 0.5', name="startup_timeout_ms"),
    _codex("enabled_tools as a text", 'command = "true"\nenabled_tools = "a"', name="enabled_tools"),
    _codex("tools as a list", 'command = "true"\ntools = ["*"]', name="tools"),
    _codex("a name that is a number", 'command = "true"\nname = 1', name="name"),
    _codex("a variable in a table of its own", 'command = "true"\n[mcp_servers.x.env]\nA = 1', line=7, name="env.A"),
    Judged("codex", "an entry that is a text", '[mcp_servers]\nx = "true"\n', "file", (2, 1), "mcp_servers.x"),
    Judged("codex", "an array of tables", '[[mcp_servers.x]]\ncommand = "true"\n', "file", (1, 15), "mcp_servers.x"),
    Judged("codex", "camel case", "[mcpServers.x]\ncommand = 1\n"),
    _codex("a type", 'command = "true"\ntype = "stdio"', "ignored", name="type"),
    _codex("other hosts' headers", 'url = "https://x"\nheaders = { A = "b" }', "ignored", name="headers"),
    _codex("a description", 'command = "true"\ndescription = "a"', "ignored", name="description"),
    _codex("disabled", 'command = "true"\ndisabled = true', "ignored", name="disabled"),
]

OPENCODE = [
    _opencode("a local server", LOCAL, None),
    _opencode("a remote server", {**REMOTE, "oauth": False, "headers": {"A": "b"}}, None),
    _opencode("a switch alone", {"enabled": False}, None),
    _opencode("no type", {"command": ["true"]}),
    _opencode("a url without a type", {"url": "http://127.0.0.1:9/"}),
    _opencode("other hosts' type", {"type": "stdio", "command": ["true"]}, name="type", key="type"),
    _opencode("a command as a text", {"type": "local", "command": "true"}, name="command", key="command"),
    _opencode("no command", {"type": "local"}),
    _opencode("no url", {"type": "remote"}),
    _opencode("a variable that is a number", {**LOCAL, "environment": {"A": 1}}, name="environment.A", key="A"),
    _opencode("enabled as a text", {**LOCAL, "enabled": "no"}, name="enabled", key="enabled"),
    _opencode("a timeout of 0", {**LOCAL, "timeout": 0}, name="timeout", key="timeout"),
    _opencode("oauth = true", {**REMOTE, "oauth": True}, name="oauth", key="oauth"),
    _opencode("a header that is a number", {**REMOTE, "headers": {"A": 1}}, name="headers.A", key="A"),
    _opencode("null", None),
    _opencode("a wrong entry with a switch", {"enabled": True, **LOCAL, "command": "a"}, "entry", "command", "command"),
    _opencode("other hosts' env", {**LOCAL, "env": {"A": "b"}}, "ignored", "env", "env"),
    _opencode("other hosts' args", {**LOCAL, "args": ["b"]}, "ignored", "args", "args"),
]

CONTINUE = [
    _continue("a command", 'name: x\ncommand: "true"\nenv:\n  A: yes\n  B: 1:30\n  C: 2024-01-01', None, place=(0, 0)),
    _continue("a variable that is a number", 'name: x\ncommand: "true"\nenv:\n  A: 1', place=(9, 7), name=".env.A"),
    _continue("an octal number", 'name: x\ncommand: "true"\nenv:\n  A: 017', place=(9, 7), name=".env.A"),
    _continue("a variable without a value", 'name: x\ncommand: "true"\nenv:\n  A:', place=(9, 7), name=".env.A"),
    _continue("no name", 'command: "true"', place=(6, 5)),
    _continue("other hosts' type", "name: x\nurl: http://127.0.0.1:9/\ntype: http", place=(8, 5), name=".type"),
    _continue("a list item that is a text", "x", place=(6, 5)),
    _continue(
        "headers at the top", "name: x\nurl: http://a\nheaders:\n  A: b", "ignored", place=(8, 5), name=".headers"
    ),
    Judged("continue", "no version", "name: mine\nmcpServers: []\n", "file", (1, 1), ""),
    Judged("continue", "a version that is a number", "name: mine\nversion: 1.0\n", "file", (2, 1), "version"),
    Judged(
        "continue",
        "an alias",
        'name: a\nversion: "1"\nx: &e {A: 1}\nmcpServers:\n  - name: x\n    command: a\n    env: *e\n',
        "file",
        (3, 8),
        "mcpServers[0].env.A",
    ),
]


def _json(
    host: str, about: str, section: str, entry: object, consequence: Consequence | None, column: int = 0, name: str = ""
) -> Judged:
    """A file of one line with the entry `x`; the fault is at `name` in it, in this column."""
    text = json.dumps({section: {"x": entry}})
    return Judged(host, about, text, consequence, (1, column), f"{section}.x{name}")


def _claude(about: str, entry: object, column: int = 17, name: str = "") -> Judged:
    return _json("claude-code", about, "mcpServers", entry, "entry", column, name)


def _cline(about: str, entry: object, column: int = 0, name: str = "") -> Judged:
    return _json("cline", about, "mcpServers", entry, "file" if column else None, column, name)


URL = "http://127.0.0.1:9/"

CLAUDE_CODE = [
    _claude("no command", {}),
    _claude("a url without a type", {"url": URL}),
    _claude("an unknown type", {"type": "remote", "url": URL}, 23, ".type"),
    _claude("args as a text", {"command": "true", "args": "a"}, 42, ".args"),
    _claude("a variable that is a number", {"command": "true", "env": {"N": 1}}, 50, ".env.N"),
    _claude("an empty command", {"command": ""}, 23, ".command"),
    _claude("a timeout of 0", {"command": "true", "timeout": 0}, 42, ".timeout"),
    _claude("null", None),
]

CLINE = [
    _cline("a command", {"command": "true", "zzz": 1}),
    _cline("a url without a type", {"url": URL}),
    _cline("a server in transport", {"transport": {"type": "stdio", "command": "true"}}),
    _cline("an empty command", {"command": ""}, 23, ".command"),
    _cline("other hosts' type", {"type": "http", "url": URL}, 23, ".type"),
    _cline("a url that is none", {"type": "sse", "url": "nope"}, 38, ".url"),
    _cline("neither command nor url", {}, 17),
    _cline("other hosts' type in transport", {"transport": {"type": "http", "url": URL}}, 37, ".transport.type"),
]

OTHERS = [
    _json("copilot-cli", "a url that is none", "mcpServers", {"url": "nope"}, "entry", 23, ".url"),
    _json("copilot-cli", "tools as a text", "mcpServers", {"command": "a", "tools": "*"}, "entry", 39, ".tools"),
    _json("crush", "a number in env", "mcp", {"type": "stdio", "command": "a", "env": {"A": 1}}, "file", 57, ".env.A"),
    _json("crush", "no type", "mcp", {"command": "a"}, "entry", 10),
    _json("gemini-cli", "disabled", "mcpServers", {"command": "a", "disabled": True}, "ignored", 39, ".disabled"),
    _json("kilo", "a map of servers", "mcp", {"fine": {"type": "local", "command": ["a"]}}, "file", 10),
    _json("kilo", "cwd", "mcp", {"type": "local", "command": ["a"], "cwd": "/"}, "ignored", 51, ".cwd"),
    _json("qwen-code", "other hosts' type", "mcpServers", {"url": URL, "type": "http"}, "ignored", 53, ".type"),
    _json("roo-code", "command and url", "mcpServers", {"command": "a", "url": URL}, "file", 39, ".url"),
    _json("roo-code", "a url without a type", "mcpServers", {"url": URL}, "entry", 17),
    _json("vscode", "an unknown key", "servers", {"command": "a", "disabled": True}, "ignored", 36, ".disabled"),
    _json("vscode", "a type that is the other one's", "servers", {"type": "http", "command": "a"}, "entry", 14),
]

GOOSE_HEAD = "extensions:\n  x:\n    enabled: true\n    type: stdio\n    name: x\n    cmd: a\n"

GOOSE = [
    Judged(
        "goose", "an extension", f"{GOOSE_HEAD}    args: []\n    timeout: null\n    bundled: null\n    description:\n"
    ),
    Judged("goose", "no args", GOOSE_HEAD, "entry", (2, 3), "extensions.x"),
    Judged(
        "goose",
        "envs of numbers",
        f"{GOOSE_HEAD}    args: []\n    envs: {{A: 1}}\n",
        "entry",
        (8, 12),
        "extensions.x.envs.A",
    ),
    Judged(
        "goose",
        "a PATH",
        f"{GOOSE_HEAD}    args: []\n    envs: {{PATH: /a}}\n",
        "ignored",
        (8, 12),
        "extensions.x.envs.PATH",
    ),
]

JUDGED = [*CODEX, *OPENCODE, *CONTINUE, *CLAUDE_CODE, *CLINE, *GOOSE, *OTHERS]
