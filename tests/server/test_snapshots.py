"""One file per tool: what clients of 2025-11-25 see of it, so that a change of the wire form is seen in a review.

`python tests/server/test_snapshots.py` writes the files anew; nothing else does.
"""

import json
from pathlib import Path

import pytest

from connect_mcp.server.offer import Offer, chosen
from connect_mcp.server.revisions import REVISIONS

FOLDER = Path(__file__).parents[2] / "fixtures" / "tools"
UPDATE = "python tests/server/test_snapshots.py"


def snapshots() -> dict[str, str]:
    """The files' contents by name."""
    listed = Offer(chosen()).listed_tools(REVISIONS["2025-11-25"])
    return {
        f"{tool['name']}.json": json.dumps(tool, indent=2, sort_keys=True, ensure_ascii=False) + "\n" for tool in listed
    }


@pytest.mark.parametrize("name", sorted(snapshots()))
def test_a_tool_looks_as_its_snapshot_says(name: str) -> None:
    file = FOLDER / name
    assert file.exists(), f"there is no snapshot: run `{UPDATE}`, and look at what it wrote"
    assert file.read_text(encoding="utf-8") == snapshots()[name], f"if that is meant, run `{UPDATE}`"


def test_every_snapshot_is_of_a_tool_that_there_is() -> None:
    assert {file.name for file in FOLDER.iterdir()} == set(snapshots()), f"run `{UPDATE}`"


def update() -> None:
    """Write what is new or changed, and remove what is left over."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for file in FOLDER.iterdir():
        if file.name not in snapshots():
            file.unlink()
    for name, text in snapshots().items():
        (FOLDER / name).write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    update()
