"""Copilot CLI: OpenAI's chat completions with a model of one's own; the one that speaks 2026-07-28."""

from connect_mcp.conformance.lab.quick import CopilotSdk
from connect_mcp.conformance.lab.recipe import Quick, Recipe

RECIPE = Recipe(
    host_id="copilot-cli",
    package="@github/copilot",
    version="1.0.102",
    executable="copilot",
    dialect="chat",
    argv=(
        "-p",
        "{prompt}",
        "--output-format",
        "json",
        "--disable-builtin-mcps",
        "--no-auto-update",
        "--log-dir",
        "{run}/logs",
    ),
    approving_argv=("--allow-all-tools",),
    env={
        "COPILOT_PROVIDER_BASE_URL": "{url}/v1",
        "COPILOT_PROVIDER_TYPE": "openai",
        "COPILOT_PROVIDER_API_KEY": "none",
        "COPILOT_MODEL": "scripted",
        "COPILOT_OFFLINE": "true",
        "COPILOT_AUTO_UPDATE": "false",
        # It unpacks 230 MB where it does not find them: into a folder beside, which it then renames.
        "COPILOT_PKG_CACHE_HOME": "{installed}/unpacked",
    },
    quick=Quick(
        CopilotSdk, ("--headless", "--stdio", "--no-auto-update", "--no-auto-login"), {"COPILOT_MCP_APPS": "true"}
    ),
    takes=3.0,
    source="copilot 1.0.102 on Linux x64, 2026-11-21",
)
