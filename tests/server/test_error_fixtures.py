"""Every error payload of fixtures/errors, replayed: server process, stdio, socket, failure, exact result."""

import json
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from connect_mcp.server.workspace.faults import KINDS, read_fault
from support import error_replays
from support.error_replays import Replays

CODES = {
    "UNAUTHENTICATED",
    "FORBIDDEN",
    "NOT_FOUND",
    "INVALID_ARG",
    "CONFLICT",
    "RATE_LIMITED",
    "UPSTREAM_ERROR",
    "UPSTREAM_TIMEOUT",
    "UPSTREAM_UNREACHABLE",
    "BAD_UPSTREAM_RESPONSE",
    "CANCELLED",
    "INTERNAL",
}
ALL = {name: error_replays.fixture(name) for name in error_replays.names()}
BY_THE_WORKSPACE = [name for name, case in ALL.items() if "workspace" in case]
SLOW = "timeout-post"


@pytest.fixture(scope="module")
def replays(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replays]:
    with ExitStack() as stack:
        yield Replays(tmp_path_factory.mktemp("replays"), stack)


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Future[Any]]":
    """The one that takes 30 seconds, begun before the others."""
    with ExitStack() as stack:
        replay = Replays(tmp_path_factory.mktemp("slow"), stack).against_an_upstream
        yield stack.enter_context(ThreadPoolExecutor(1)).submit(replay, ALL[SLOW])


@pytest.mark.parametrize("name", [name for name in ALL if name != SLOW])
def test_a_failure_of_the_api_gives_exactly_this_result(replays: Replays, name: str, slow: "Future[Any]") -> None:
    case = ALL[name]
    if not error_replays.can_replay(case):
        pytest.skip("needs OpenSSL 3")
    before = replays.times_asked
    assert replays.against_an_upstream(case) == case["result"]
    assert case["upstream"] is not None or replays.times_asked == before


@pytest.mark.parametrize("name", BY_THE_WORKSPACE)
def test_the_embedded_workspace_brings_about_the_same_result(replays: Replays, name: str) -> None:
    assert replays.against_the_workspace(ALL[name]) == ALL[name]["result"]


def test_an_api_that_says_nothing_is_given_up_after_a_while(slow: "Future[Any]") -> None:
    assert slow.result(60) == ALL[SLOW]["result"]


@pytest.mark.parametrize("name", ALL)
def test_a_payload_is_an_error_that_says_one_thing_twice(name: str) -> None:
    case, result = ALL[name], ALL[name]["result"]
    told = result["structuredContent"]
    assert result["isError"] is True
    assert [block["type"] for block in result["content"]] == ["text"]
    assert json.loads(result["content"][0]["text"]) == told
    assert told["code"] == case["code"]
    assert {"code", "message", "retryable"} <= told.keys()
    assert told.keys() <= {"code", "message", "retryable", "hint", "details", "status", "retry_after_ms"}
    assert "arc_" not in json.dumps(result), "no key is ever told"


def test_every_code_has_a_payload() -> None:
    assert {case["code"] for case in ALL.values()} == CODES


def test_every_kind_of_failure_on_demand_is_used() -> None:
    orders = [ALL[name]["workspace"]["fail"] for name in BY_THE_WORKSPACE if "fail" in ALL[name]["workspace"]]
    assert {read_fault(order).kind for order in orders} >= set(KINDS)


def test_the_folder_holds_payloads_and_their_description_alone() -> None:
    named = {path.name for path in Path(error_replays.FOLDER).iterdir()}

    assert named == {f"{name}.json" for name in ALL} | {
        "README.md",
        "lines",
    }  # the lines are what clients may get wrong
