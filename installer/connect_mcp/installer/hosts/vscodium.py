"""VSCodium: VS Code's row with its own folder."""

from .vscode import variant

HOST = variant(
    id="vscodium",
    title="VSCodium",
    aliases=("codium",),
    command="codium",
    folder="VSCodium",
    app="VSCodium",
)
