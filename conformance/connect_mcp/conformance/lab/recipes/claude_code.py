"""Claude Code: Anthropic's Messages, and a server that is up within two seconds, unless it is told to wait."""

from connect_mcp.conformance.lab.quick import ClaudeControl
from connect_mcp.conformance.lab.recipe import Quick, Recipe, Settings

RECIPE = Recipe(
    host_id="claude-code",
    package="@anthropic-ai/claude-code",
    version="2.1.197",
    executable="claude",
    dialect="anthropic",
    argv=("-p", "{prompt}", "--output-format", "stream-json", "--verbose"),
    # `--dangerously-skip-permissions` refuses to run as root; this names the server's tools, and nothing else.
    approving_settings=(Settings("{home}/.claude/settings.json", {"permissions": {"allow": ["mcp__{server}"]}}),),
    env={
        "ANTHROPIC_BASE_URL": "{url}",
        "ANTHROPIC_API_KEY": "none",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
        "DISABLE_AUTOUPDATER": "1",
        "DISABLE_TELEMETRY": "1",
    },
    patient_env={"MCP_CONNECTION_NONBLOCKING": "0", "MCP_CONNECT_TIMEOUT_MS": "60000"},
    quick=Quick(ClaudeControl, ("-p", "--input-format", "stream-json", "--output-format", "stream-json", "--verbose")),
    takes=2.5,
    source="claude 2.1.197 on Linux x64, 2026-11-21",
)
