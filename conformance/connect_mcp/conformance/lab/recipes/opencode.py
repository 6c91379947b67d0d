"""opencode: OpenAI's chat completions; slow to start itself, and patient with a server."""

from connect_mcp.conformance.lab.recipe import Recipe, Settings

_CONFIG = {
    "$schema": "https://opencode.ai/config.json",
    "model": "lab/scripted",
    "small_model": "lab/scripted",
    "autoupdate": False,
    "share": "disabled",
    "provider": {
        "lab": {
            "npm": "@ai-sdk/openai-compatible",
            "name": "Lab",
            "options": {"baseURL": "{url}/v1", "apiKey": "none"},
            "models": {"scripted": {"name": "scripted"}},
        }
    },
}

RECIPE = Recipe(
    host_id="opencode",
    package="opencode-ai",
    version="1.18.33",
    executable="opencode",
    dialect="chat",
    argv=("run", "--format", "json", "{prompt}"),
    settings=(Settings("{home}/.config/opencode/opencode.json", _CONFIG),),
    env={
        "OPENCODE_DISABLE_AUTOUPDATE": "1",
        "OPENCODE_DISABLE_MODELS_FETCH": "1",
        "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
        "OPENCODE_DISABLE_DEFAULT_PLUGINS": "1",
    },
    takes=6.0,
    source="opencode 1.18.33 on Linux x64, 2026-11-21",
)
