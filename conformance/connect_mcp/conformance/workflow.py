"""A GitHub workflow that checks a project's server with the kit's action, as text."""

import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from connect_mcp.base.record import record

_PYTHON = re.compile(r"python(?:3(?:\.\d+)?)?(?:\.exe)?", re.IGNORECASE)


@record
class Workflow:
    """What the workflow says.

    Attributes:
        uses: the action.
        command: the server's command, as a shell reads it; empty where there is a URL.
        url: where it is.
        is_here: whether that is this machine, so that a workflow has to start the server first.
        profile: the hosts, separated by blanks.
        baseline: the file, from the project's folder.
        options: further options of `conformance run`, as a shell reads them.
        shards: how many jobs share the run.
        variables: which are secrets of the repository.
        left_out: the verdicts of hosts that are not among those of `profile`.
        project: its folder, for what it needs to be installed.
    """

    uses: str
    command: str
    url: str
    profile: str
    baseline: str
    options: str
    shards: int
    variables: tuple[str, ...]
    left_out: tuple[str, ...]
    project: Path
    is_here: bool = False


def rendered(workflow: Workflow) -> str:
    """The workflow as YAML."""
    return "".join(f"{line}\n" for line in _lines(workflow))


def portable(command: Sequence[str], root: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """A command as another machine with this project has it, and what of it stays a path of this machine.

    A program of a virtual environment, and one elsewhere on this machine, is on the PATH of the other one; what is in
    the project is named from its folder.
    """
    said = []
    for index, word in enumerate(command):
        path = Path(os.path.normpath(root / word))
        is_path = os.path.isabs(word) or (index == 0 and os.path.basename(word) != word)
        if not is_path:
            said.append(_program(word) if index == 0 else word)
        elif index == 0 and ((path.parent.parent / "pyvenv.cfg").is_file() or root not in path.parents):
            said.append(_program(path.name))
        elif root in path.parents:
            inside = path.relative_to(root).as_posix()
            said.append(f"./{inside}" if index == 0 else inside)
        else:
            said.append(word)
    return tuple(said), tuple(word for word in said if os.path.isabs(word))


def _program(name: str) -> str:
    return "python" if _PYTHON.fullmatch(name) else name


def _lines(workflow: Workflow) -> Iterator[str]:
    yield "# Holds this project's MCP server to the specification and to real hosts."
    yield "# Made by `connect-mcp conformance init`; it is yours to change."
    yield "name: MCP conformance"
    yield "on:"
    yield "  push:"
    yield "  pull_request:"
    yield "permissions:"
    yield "  contents: read"
    yield "jobs:"
    yield "  conformance:"
    yield "    runs-on: ubuntu-latest"
    if workflow.variables:
        yield "    env:"
        yield from (f"      {name}: ${{{{ secrets.{name} }}}}" for name in workflow.variables)
    if workflow.shards > 1:
        yield "    strategy:"
        yield "      fail-fast: false"
        yield "      matrix:"
        yield f"        shard: [{', '.join(_shards(workflow.shards))}]"
    yield "    steps:"
    yield "      - uses: actions/checkout@v4"
    if not workflow.url:
        yield from (f"      {line}" for line in _setup(workflow.project, workflow.command))
    if workflow.is_here:
        yield "      # Start the server in a step here: its URL is one of the machine that this runs on."
    yield from (f"      # Left out: {sentence}" for sentence in workflow.left_out)
    yield f"      - uses: {_quoted(workflow.uses)}"
    yield "        with:"
    yield from (f"          {name}: {value}" for name, value in _inputs(workflow))


def _inputs(workflow: Workflow) -> Iterator[tuple[str, str]]:
    if workflow.url:
        yield "url", _quoted(workflow.url)
    else:
        yield "command", _quoted(workflow.command)
    yield "strict", _quoted("true")
    yield "profile", _quoted(workflow.profile)
    yield "baseline", _quoted(workflow.baseline)
    if workflow.shards > 1:
        yield "shard", "${{ matrix.shard }}"
    if workflow.options:
        yield "options", _quoted(workflow.options)


def _shards(count: int) -> Iterator[str]:
    return (_quoted(f"{index}/{count}") for index in range(1, count + 1))


def _setup(project: Path, command: str) -> Iterator[str]:
    """The steps that make the project's server ready, by the files that it has."""

    def has(*names: str) -> bool:
        return any((project / name).is_file() for name in names)

    program = command.partition(" ")[0]
    if has("pyproject.toml", "setup.py", "requirements.txt") or program in ("python", "uv", "uvx"):
        yield "- uses: actions/setup-python@v5"
        yield "  with:"
        yield '    python-version: "3.x"'
    if program in ("uv", "uvx"):
        yield "- run: pip install uv"
    elif has("pyproject.toml", "setup.py"):
        yield "- run: pip install ."
    elif has("requirements.txt"):
        yield "- run: pip install -r requirements.txt"
    if has("package.json"):
        yield "- uses: actions/setup-node@v4"
        yield "  with:"
        yield "    node-version: lts/*"
        yield f"- run: npm {'ci' if has('package-lock.json') else 'install'}"
        yield "- run: npm run build --if-present"
    if has("go.mod"):
        yield "- uses: actions/setup-go@v5"
        yield "  with:"
        yield "    go-version-file: go.mod"
    if has("Cargo.toml"):
        yield "- run: cargo build --release"


def _quoted(text: str) -> str:
    """A text as YAML in which nothing means anything: neither to YAML nor to the workflow."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    escaped = "".join(char if char.isprintable() else f"\\U{ord(char):08x}" for char in escaped)
    return '"' + escaped.replace("${{", "${{ '${{' }}") + '"'
