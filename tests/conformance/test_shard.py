"""Shards: parts that together are the whole."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connect_mcp.base.errors import Misuse
from connect_mcp.conformance.commands import main
from connect_mcp.conformance.shard import WHOLE, Shard, shard
from support.cli import shape
from support.subjects import reference

Shown = pytest.CaptureFixture[str]
SOME = ["--only", "PING-EMPTY", "PARSE-*", "STDOUT-*", "ID-ECHO", "--revision", "all"]
COUNT = 3


@given(st.lists(st.integers(0, 5)), st.integers(1, 9))
def test_shards_share_everything_out_evenly_and_nothing_twice(weights: list[int], count: int) -> None:
    items = list(enumerate(weights))
    parts = [Shard(index, count).part(items, lambda item: item[1]) for index in range(1, count + 1)]
    assert sorted(item for part in parts for item in part) == items
    assert all(list(part) == sorted(part) for part in parts)
    loads = [sum(weight for _, weight in part) for part in parts]
    assert max(loads) - min(loads) <= max(weights, default=0)


def test_the_whole_is_one_shard() -> None:
    assert shard("1/1") == WHOLE
    assert WHOLE.part([3, 1, 2]) == (3, 1, 2)


@pytest.mark.parametrize("text", ["", "1", "0/2", "3/2", "1/0", "-1/2", "1/2/3", "a/b", "1/257", "1/²"])
def test_a_shard_that_there_is_not_is_misuse(text: str) -> None:
    with pytest.raises(Misuse, match="--shard takes I/N"):
        shard(text)


def run(capsys: Shown, *argv: str) -> tuple[int, dict[str, Any]]:
    code = main([*argv[:1], "--json", *argv[1:]])
    data: dict[str, Any] = json.loads(capsys.readouterr().out)
    shape("conformance-run").validate(data)
    return code, data


def judged(data: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(one["requirement"], one["revision"], one["outcome"]) for one in data["results"]]


def test_the_parts_of_a_run_are_the_run(capsys: Shown) -> None:
    subject = ["--profile", "codex", "claude", "--", *reference("PING-EMPTY")]
    code, whole = run(capsys, "run", *SOME, *subject)
    parts = [run(capsys, "run", *SOME, "--shard", f"{index}/{COUNT}", *subject) for index in range(1, COUNT + 1)]
    assert sorted(row for _, part in parts for row in judged(part)) == sorted(judged(whole))
    assert [part["shard"] for _, part in parts] == ["1/3", "2/3", "3/3"]
    hosts = [host["host"] for _, part in parts for host in part["hosts"]]
    assert sorted(hosts) == ["claude-code", "codex"]
    assert code == max(code for code, _ in parts) == 1


def test_a_shard_with_nothing_to_do_says_so_and_is_no_failure(capsys: Shown) -> None:
    argv = ["run", "--only", "PING-EMPTY", "--revision", "2025-11-25", "--shard", "2/2", "--", *reference()]
    assert main(argv) == 0
    assert "shard 2/2: nothing to do here: the other shards have it all" in capsys.readouterr().out


def test_shards_of_nothing_are_no_success(capsys: Shown) -> None:
    argv = ["run", "--only", "BATCH-0326", "--revision", "2025-11-25", "--shard", "1/2", "--", *reference()]
    assert main(argv) == 1


def test_a_baseline_is_not_stale_where_another_shard_has_its_lines(tmp_path: Path, capsys: Shown) -> None:
    path = tmp_path / "known.txt"
    path.write_text("PING-EMPTY *   so\nPARSE-TRUNC *   so\n")
    subject = ["--baseline", str(path), "--", *reference("PING-EMPTY")]
    parts = [run(capsys, "run", *SOME, "--shard", f"{index}/{COUNT}", *subject) for index in range(1, COUNT + 1)]
    stale = [row for _, part in parts for row in judged(part) if row[2] == "fail"]
    assert [row[0] for row in stale] == ["PARSE-TRUNC"], "in the shard that has it, it is"
    assert sorted(code for code, _ in parts) == [0, 0, 1]


def test_what_a_rule_about_all_that_is_said_shows_is_told_in_whichever_shard_sees_it(capsys: Shown) -> None:
    broken = ["--only", "STDOUT-PURE", "PING-EMPTY", "--revision", "2025-11-25"]
    parts = [run(capsys, "run", *broken, "--shard", f"{index}/2", "--", *reference("STDOUT-PURE")) for index in (1, 2)]
    assert all(("STDOUT-PURE", "2025-11-25", "fail") in judged(part) for _, part in parts)


def test_an_sdk_is_not_looked_for_in_a_part(capsys: Shown) -> None:
    with pytest.raises(Misuse, match="--sdk auto needs the whole run"):
        main(["run", "--sdk", "auto", "--shard", "1/2", "--", *reference()])
