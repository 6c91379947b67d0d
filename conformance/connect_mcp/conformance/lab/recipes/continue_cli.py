"""Continue's `cn`: OpenAI's chat completions; it does not start without a server that it was given."""

from connect_mcp.conformance.lab.recipe import Recipe, Settings

_CONFIG = """\
name: lab
version: 0.0.1
schema: v1
models:
  - name: scripted
    provider: openai
    model: scripted
    apiBase: {url}/v1
    apiKey: none
    roles: [chat]
    capabilities: [tool_use]
    useResponsesApi: false
    # What it takes for too long it cuts from the history, the result that it asked for included, and asks for ever.
    defaultCompletionOptions: {contextLength: 2000000, maxTokens: 1000}
"""

RECIPE = Recipe(
    host_id="continue",
    package="@continuedev/cli",
    version="1.5.47",
    executable="cn",
    dialect="chat",
    argv=("--config", "{home}/.continue/config.yaml", "-p", "{prompt}", "--verbose"),
    approving_argv=("--auto",),
    settings=(Settings("{home}/.continue/config.yaml", _CONFIG),),
    env={"CONTINUE_TELEMETRY_ENABLED": "0", "CONTINUE_CLI_AUTO_UPDATED": "true"},
    bare=True,
    takes=2.5,
    source="cn 1.5.47 on Linux x64, 2026-11-21",
)
