"""Codex: OpenAI's Responses, and a server that is up within a second."""

from connect_mcp.conformance.lab.quick import CodexAppServer
from connect_mcp.conformance.lab.recipe import Quick, Recipe, Settings

_CONFIG = """\
model = "scripted"
model_provider = "lab"

[model_providers.lab]
name = "lab"
base_url = "{url}/v1"
wire_api = "responses"
env_key = "LAB_KEY"
supports_websockets = false
request_max_retries = 0
stream_max_retries = 0

[analytics]
enabled = false
"""

RECIPE = Recipe(
    host_id="codex",
    package="@openai/codex",
    version="0.169.0",
    executable="codex",
    dialect="responses",
    argv=("exec", "--skip-git-repo-check", "--json", "{prompt}"),
    approving_argv=("--dangerously-bypass-approvals-and-sandbox",),
    settings=(Settings("{home}/.codex/config.toml", _CONFIG),),
    env={"LAB_KEY": "none"},
    # Without `required` it waits for no server longer than a second, whatever the timeout is.
    patient_argv=("-c", "mcp_servers.{server}.required=true", "-c", "mcp_servers.{server}.startup_timeout_sec=60"),
    quick=Quick(CodexAppServer, ("app-server",)),
    takes=1.0,
    source="codex 0.169.0 on Linux x64, 2026-11-21",
)
