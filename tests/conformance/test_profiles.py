import json

import pytest

from connect_mcp.base.errors import Misuse
from connect_mcp.base.fixtures import fixtures
from connect_mcp.conformance.profiles import Profile, load, profile_ids, selected

EIGHT = ("claude-code", "cline", "codex", "continue", "copilot-cli", "gemini-cli", "opencode", "qwen-code")


@pytest.mark.parametrize("identity", profile_ids())
def test_a_profile_says_of_every_fact_how_it_is_known(identity: str) -> None:
    profile = load(identity)
    assert (profile.id, profile.host.id) == (identity, identity)
    data = json.loads((fixtures() / "profiles" / f"{identity}.json").read_text(encoding="utf-8"))
    assert set(profile.known) == set(data["facts"])
    for known in profile.known.values():
        assert known.how in ("seen", "source", "docs", "derived", "memory", "unknown")
        assert known.source


def test_the_eight_hosts_that_were_run_are_there_and_how_long_they_wait_is_known() -> None:
    assert set(profile_ids()) == {*EIGHT, "vscode", "claude-desktop", "cursor"}
    assert [profile.id for profile in selected(["all"])] == list(profile_ids())
    for identity in EIGHT:
        profile = load(identity)
        assert profile.host.patience.headless is not None
        assert {known.how for known in profile.known.values()} <= {"seen", "derived"}
    assert [profile.id for profile in selected(["Claude", "codex", "claude-code"])] == ["claude-code", "codex"]


@pytest.mark.parametrize("name", ["zed", "no-such-host"])
def test_a_host_without_a_profile_is_misuse(name: str) -> None:
    with pytest.raises(Misuse):
        selected([name])


def test_what_is_not_known_of_a_host_has_no_value() -> None:
    for identity in profile_ids():
        facts = json.loads((fixtures() / "profiles" / f"{identity}.json").read_text(encoding="utf-8"))["facts"]
        assert load(identity).unknown == tuple(name for name, fact in facts.items() if "is" not in fact)
    assert "call_patience" in load("cursor").unknown
    assert load("claude-code").unknown == ()


def test_a_host_that_was_not_run_here_is_not_called_seen() -> None:
    for identity in ("claude-desktop", "cursor"):
        assert {known.how for known in load(identity).known.values()} <= {"docs", "derived", "memory", "unknown"}


def test_a_fact_that_is_missing_or_one_too_many_is_noticed() -> None:
    with pytest.raises(TypeError, match="needs a value"):
        Profile(id="x", program="x 1")  # type: ignore[call-arg]
