"""The README says what is true: its host table is made from the rows. `python tests/test_readme.py` writes it anew."""

import re
from pathlib import Path

from connect_mcp.installer.hosts.all_hosts import HOSTS
from connect_mcp.installer.hosts.model import Host

README = Path(__file__).parents[1] / "README.md"
START, END = "|---|---|---|---|---|\n", "\n\nWhere a host's file is"
KNOWN = {
    "live": "seen with the real program",
    "source": "read in its source",
    "docs": "documentation",
    "peer": "another installer's source",
    "memory": "not checked",
    "derived": "derived",
}


def host_table() -> str:
    return "\n".join(map(host_row, HOSTS))


def host_row(host: Host) -> str:
    names = ", ".join(f"`{name}`" for name in (host.id, *host.aliases))
    user = host.scopes["user"]
    paths, entry = (KNOWN[host.evidence[fact].confidence] for fact in ("scopes.user", "entry"))
    known = f"paths: {paths}; entry: {entry}"
    return f"| {host.title} | {names} | {', '.join(host.scopes)} | {user.format.replace('jsonc', 'json')} | {known} |"


def shown_table(readme: str) -> str:
    return readme.split(START)[1].split(END)[0]


def test_the_host_table_is_the_one_made_from_the_rows() -> None:
    shown = shown_table(README.read_text(encoding="utf-8"))
    assert shown == host_table(), "run `python tests/test_readme.py`"


def test_the_test_command_is_the_one_that_ci_runs() -> None:
    (command,) = re.findall(r"^    python3 -m venv .*pytest.*$", README.read_text(encoding="utf-8"), re.MULTILINE)
    ci = (README.parent / ".ci" / "run").read_text(encoding="utf-8")
    assert command.endswith("pytest -n 2")
    assert '"$venv/bin/pytest" -n 2' in ci
    assert "pip install -q -e '.[test]'" in command
    assert "-e '.[test]'" in ci


if __name__ == "__main__":
    text = README.read_text(encoding="utf-8")
    README.write_text(text.replace(START + shown_table(text) + END, START + host_table() + END), encoding="utf-8")
