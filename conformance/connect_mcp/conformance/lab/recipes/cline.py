"""Cline: OpenAI's chat completions, and a server that is up within two and a half seconds."""

from connect_mcp.conformance.lab.recipe import Recipe, Settings

_PROVIDERS = {
    "version": 1,
    "lastUsedProvider": "openai-compatible",
    "modes": {},
    "providers": {
        "openai-compatible": {
            "settings": {
                "provider": "openai-compatible",
                "apiKey": "none",
                "model": "scripted",
                "baseUrl": "{url}/v1",
            },
            "updatedAt": "2026-01-01T00:00:00.000Z",
            "tokenSource": "manual",
        }
    },
}

# Nothing but this key makes it wait longer; it stands for the wait for an answer to a call as well, where 60 is usual.
_PATIENT = {"mcpServers": {"{server}": {"command": "none", "timeout": 60}}}

RECIPE = Recipe(
    host_id="cline",
    package="cline",
    version="3.0.65",
    executable="cline",
    dialect="chat",
    argv=(
        "--json",
        "-P",
        "openai-compatible",
        "-m",
        "scripted",
        "-k",
        "none",
        "{prompt}",
    ),
    approving_argv=("--auto-approve", "true"),
    asking_argv=("--auto-approve", "false"),
    settings=(Settings("{home}/.cline/data/settings/providers.json", _PROVIDERS),),
    env={"CLINE_TELEMETRY_DISABLED": "1", "CLINE_DISABLE_TELEMETRY": "1", "CLINE_NO_AUTO_UPDATE": "1"},
    not_env=("CI",),
    daemon="--cline-hub-daemon",
    patient_settings=(Settings("{home}/.cline/data/settings/cline_mcp_settings.json", _PATIENT),),
    takes=6.0,
    source="cline 3.0.65 on Linux x64, 2026-11-21",
)
