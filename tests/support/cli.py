"""Running our own command line in this process, with what it printed."""

import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from connect_mcp.__main__ import main
from connect_mcp.base.boundary import BUG_EXIT

OUTPUTS = Path(__file__).parents[2] / "fixtures" / "outputs"


@dataclass(frozen=True)
class Ran:
    """What one command line did."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> dict[str, Any]:
        """The JSON that it printed, which has the documented shape."""
        value: dict[str, Any] = json.loads(self.out)
        name = "error" if "error" in value else value["command"].replace(" ", "-")
        shape(name).validate(value)
        return value


@lru_cache(None)
def shape(name: str) -> Draft202012Validator:
    """The schema of what a command prints."""
    schema = json.loads((OUTPUTS / f"{name}.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


class CommandLine:
    """Calls `connect-mcp` with arguments; what it prints is caught."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *argv: str) -> Ran:
        self._capsys.readouterr()
        try:
            code = main(list(argv))
        except SystemExit as leaving:  # argparse: usage and --help
            code = int(leaving.code or 0)
        printed = self._capsys.readouterr()
        if code == BUG_EXIT:  # never what a test wants: show the traceback that the user is spared
            raise AssertionError(Path(printed.err.split(" are in ")[1].strip()).read_text(encoding="utf-8"))
        return Ran(code, printed.out, printed.err)
