"""`connect-mcp completion`: the lines that make a shell complete our commands."""

import argparse

from connect_mcp.base.folders import Folders
from connect_mcp.base.machine import Machine

from ..options import add_output
from ..outcome import Outcome

WHERE = {
    "bash": "~/.bashrc",
    "zsh": "~/.zshrc",
    "fish": "~/.config/fish/config.fish",
    "powershell": "$PROFILE",
}
LINES = {
    "bash": 'eval "$(connect-mcp completion bash)"',
    "zsh": 'eval "$(connect-mcp completion zsh)"',
    "fish": "connect-mcp completion fish | source",
    "powershell": "connect-mcp completion powershell | Out-String | Invoke-Expression",
}
EXAMPLES = "one line switches it on:\n" + "\n".join(f"  {WHERE[shell]:<28}  {line}" for shell, line in LINES.items())


def arguments(parser: argparse.ArgumentParser) -> None:
    """What `completion` takes."""
    parser.add_argument("shell", choices=sorted(LINES), help="the shell")
    add_output(parser)


def run(args: argparse.Namespace, machine: Machine, folders: Folders) -> Outcome:
    """Print a shell's lines."""
    from argcomplete.shell_integration import shellcode

    code = shellcode(["connect-mcp"], shell=args.shell)
    return Outcome({"command": "completion", "shell": args.shell, "code": code}, code)
