"""Gemini CLI: Google's generateContent."""

from connect_mcp.conformance.lab.recipe import Recipe, Settings

_SETTINGS = {
    "security": {"auth": {"selectedType": "gemini-api-key"}},
    "general": {"enableAutoUpdate": False, "enableAutoUpdateNotification": False},
    "privacy": {"usageStatisticsEnabled": False},
    "telemetry": {"enabled": False},
}

RECIPE = Recipe(
    host_id="gemini-cli",
    package="@google/gemini-cli",
    version="0.61.0",
    executable="gemini",
    dialect="gemini",
    # A model that is named spares the request that chooses one.
    argv=("-m", "gemini-2.5-flash", "-o", "json", "-p", "{prompt}"),
    approving_argv=("--approval-mode", "yolo"),
    settings=(Settings("{home}/.gemini/settings.json", _SETTINGS),),
    env={
        "GEMINI_API_KEY": "none",
        "GOOGLE_GEMINI_BASE_URL": "{url}",
        "GEMINI_CLI_TRUST_WORKSPACE": "true",
        "GEMINI_CLI_NO_RELAUNCH": "true",
    },
    takes=2.5,
    source="gemini 0.61.0 on Linux x64, 2026-11-21",
)
