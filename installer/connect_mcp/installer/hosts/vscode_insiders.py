"""VS Code Insiders: VS Code's row with its own folder."""

from .vscode import variant

HOST = variant(
    id="vscode-insiders",
    title="VS Code Insiders",
    aliases=("code-insiders", "insiders"),
    command="code-insiders",
    folder="Code - Insiders",
    app="Visual Studio Code - Insiders",
)
