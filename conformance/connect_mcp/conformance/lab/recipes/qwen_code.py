"""Qwen Code: OpenAI's chat completions; its model must look for a server's tools before it is offered them."""

from connect_mcp.conformance.lab.recipe import Recipe, Settings

_SETTINGS = {
    "security": {"auth": {"selectedType": "openai"}},
    "general": {"disableAutoUpdate": True, "enableAutoUpdate": False},
    "privacy": {"usageStatisticsEnabled": False},
    "telemetry": {"enabled": False},
    "$version": 4,
}

RECIPE = Recipe(
    host_id="qwen-code",
    package="@qwen-code/qwen-code",
    version="0.15.10",
    executable="qwen",
    dialect="chat",
    argv=("--auth-type", "openai", "-o", "json", "-p", "{prompt}"),
    approving_argv=("--approval-mode", "yolo"),
    settings=(Settings("{home}/.qwen/settings.json", _SETTINGS),),
    env={
        "OPENAI_API_KEY": "none",
        "OPENAI_BASE_URL": "{url}/v1",
        "OPENAI_MODEL": "scripted",
        "QWEN_CODE_NO_RELAUNCH": "true",
    },
    # It asks a proxy for loopback too, whatever NO_PROXY says. Without a network namespace its settings alone keep it
    # off the network.
    not_env=("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"),
    takes=3.5,
    source="qwen 0.15.10 on Linux x64, 2026-11-21",
)
