"""VS Code, as code-server has it for a browser: the real workbench, extension host, MCP client and chat.

It wants a person, so a script is one (`vscode/person.cjs`): it opens the workbench in Chromium, looks at the list of
servers, asks the chat, and looks again. The chat works without an account: with `chat.allowAnonymousAccess` it sets up
the Copilot extension that VS Code brings with it, at the first question and without a request to anybody, and it
takes the model of `chatLanguageModels.json`.
"""

import json
from pathlib import Path

from connect_mcp.conformance.lab.model.script import ASIDE
from connect_mcp.conformance.lab.quick import VSCodeExtension
from connect_mcp.conformance.lab.recipe import Carrier, Needed, Quick, Recipe, Settings

_USER_DATA = "{home}/.config/Code"
"""Where VS Code has it on Linux; code-server is told to use the same."""

_SCRIPTS = Path(__file__).parents[1] / "vscode"
_CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_WORKBENCH = (
    "installed={installed}",
    f"user-data={_USER_DATA}",
    "project={project}",
    f"browsers={','.join(_CHROMIUM)}",
)

_SETTINGS = {
    "chat.allowAnonymousAccess": True,
    "chat.mcp.access": "all",
    "security.workspace.trust.enabled": False,
    "telemetry.telemetryLevel": "off",
    "workbench.startupEditor": "none",
}

_MODEL = {
    "id": "scripted",
    "name": "Scripted",
    "url": "{url}/v1/chat/completions",
    "toolCalling": True,
    "vision": False,
    "maxInputTokens": 128000,
    "maxOutputTokens": 16000,
}
_MODELS = [
    {"name": "lab", "vendor": "customendpoint", "apiKey": "none", "apiType": "chat-completions", "models": [_MODEL]}
]

RECIPE = Recipe(
    host_id="vscode",
    package="code-server",
    version="4.139.1",
    executable="node",
    dialect="chat",
    argv=(
        str(_SCRIPTS / "person.cjs"),
        *_WORKBENCH,
        "pictures={run}",
        "server={server}",
        "prompt={prompt}",
        f"answer={ASIDE}",
        "patience={patience}",
    ),
    asking_argv=("refuses=calls",),
    settings=(
        Settings(f"{_USER_DATA}/User/settings.json", _SETTINGS),
        Settings(f"{_USER_DATA}/User/chatLanguageModels.json", json.dumps(_MODELS, indent=2) + "\n"),
    ),
    bare=True,  # the server's own name stands before a tool's, whatever the entry is called
    # As where a person starts it in a terminal: otherwise it asks a login shell for its environment.
    env={"VSCODE_CLI": "1"},
    beside=("playwright-core@1.65.1",),
    node="24.19.0",
    build="apt-get install build-essential python3 libkrb5-dev libx11-dev libxkbfile-dev libsecret-1-dev",
    needs=(Needed(_CHROMIUM, "apt-get install chromium"),),
    on_request=True,
    carrier=Carrier("lib/vscode/product.json", "code-server"),
    quick=Quick(VSCodeExtension, (str(_SCRIPTS / "channel.cjs"), *_WORKBENCH)),
    takes=40.0,
    source="code-server 4.139.1 (VS Code 1.139.1) on Linux x64 in Chromium 156, 2026-11-21",
)
