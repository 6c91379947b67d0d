"""The lab's model finds the server's tool under the name that each host gives it, and never guesses between two.

The offered names are those that the eight hosts showed for these tools of a server named `labsrv`.
"""

import pytest

from connect_mcp.conformance.lab.model.naming import named
from connect_mcp.conformance.lab.model.script import Offered

LONG = "long_" + "abcdefghi_" * 11 + "x"


def offer(*names: str) -> list[Offered]:
    """Tools of these names; what is before a blank is the group."""
    return [Offered(name, group or None, "", {}) for group, _, name in (full.rpartition("|") for full in names)]


BUILT_IN = offer("Bash", "read_file", "web_search", "echo_mode", "update_topic")

SHOWN = [
    ("codex", "echo", "mcp__labsrv|echo"),
    ("claude", "echo", "mcp__labsrv__echo"),
    ("opencode", "echo", "labsrv_echo"),
    ("gemini", "echo", "mcp_labsrv_echo"),
    ("copilot", "echo", "labsrv-echo"),
    ("cn", "echo", "echo"),
    ("cline", "echo", "labsrv__echo"),
    ("codex", LONG, "mcp__labsrv|long_" + "abcdefghi_" * 9 + "abcdefg_319ebcab5747"),
    ("claude", LONG, f"mcp__labsrv__{LONG}"),
    ("gemini", LONG, "mcp_labsrv_long_abcdefghi_abcd...bcdefghi_abcdefghi_abcdefghi_x"),
    ("copilot", LONG, "labsrv-long_abcdefghi_abcdefghi_abcdefghi_abcdefghi_abcdefghi_ab"),
    ("cline", LONG, "labsrv__long_abcdefghi_abcdefghi_abcdefghi_abcdefghi_ab_ef6a7bdc"),
    ("cn", LONG, LONG),
    ("codex", "odd.na/me ü", "mcp__labsrv|odd_na_me__"),
    ("gemini", "odd.na/me ü", "mcp_labsrv_odd.na_me__"),
    ("copilot", "odd.na/me ü", "labsrv-odd-xn--na-me--8ya"),
    ("cline", "odd.na/me ü", "labsrv__odd_na_me__e00d4850"),
    ("cn", "odd.na/me ü", "odd.na/me ü"),
    ("codex", "alike.x", "mcp__labsrv|alike_x_4666a60177b8"),
    ("cline", "alike.x", "labsrv__alike_x_43b65f0b"),
    ("gemini", "alike.x", "mcp_labsrv_alike.x"),
]


@pytest.mark.parametrize("server", ["labsrv", ""])
@pytest.mark.parametrize(("host", "tool", "shown"), SHOWN)
def test_a_tool_is_found_under_the_name_that_a_host_gives_it(host: str, tool: str, shown: str, server: str) -> None:
    (wanted,) = offer(shown)
    others = offer(*(name for other, _, name in SHOWN if other == host and name != shown and "long" not in name))

    assert named(server)(tool, [*BUILT_IN, *others, wanted]) == wanted


@pytest.mark.parametrize(
    ("tool", "shown"),
    [
        (LONG, ("labsrv__long_abcdefghi_abcdefghi_ab_ef6a7bdc0000000000000000000", "labsrv__long_abcdefghi")),
        (LONG, (f"labsrv-{LONG[:55]}a2", f"labsrv-{LONG[:55]}ab")),
        ("alike.x", ("labsrv__alike_x_43b65f0b", "labsrv__alike_x")),
        ("alike.x", ("labsrv-alike-x", "labsrv-alike_x")),
        ("echo", ("one_echo", "two_echo")),
        ("echo", ("echoes", "mcp__labsrv__echo_all", "mcp__labsrv__get_echo2", "xecho")),
        ("odd/ü", ("labsrv_odd-name", "labsrv_odder")),
        ("ü", ("labsrv___", "labsrv_ü_x", "xn--zzzzzzzzz")),
        ("echo", ()),
    ],
)
def test_nothing_is_guessed_where_two_may_be_meant_or_none_is(tool: str, shown: tuple[str, ...]) -> None:
    assert named()(tool, offer(*shown)) is None


def test_a_name_of_letters_alone_is_found_beside_one_whose_odd_characters_were_replaced() -> None:
    offered = offer("labsrv__alike_x_43b65f0b", "labsrv__alike_x")

    assert named("labsrv")("alike_x", offered) == offered[1]


def test_the_name_of_the_server_tells_a_tool_from_one_that_ends_in_the_same_word() -> None:
    offered = offer("labsrv_widget_get", "labsrv_get")

    assert named("labsrv")("get", offered) == offered[1]
    assert named("labsrv")("widget_get", offered) == offered[0]
    assert named()("get", offered) is None


def test_the_name_of_the_server_tells_its_tool_from_that_of_another_server() -> None:
    offered = offer("mcp__other|echo", "mcp__labsrv|echo")

    assert named("labsrv")("echo", offered) == offered[1]
    assert named()("echo", offered) is None


def test_a_tool_of_the_host_is_not_taken_for_that_of_a_server_which_never_started() -> None:
    offered = offer("Bash", "Read")

    assert named("labsrv", bare=False)("Bash", offered) is None
    assert named("labsrv")("Bash", offered) == offered[0]


def test_a_long_name_is_no_longer_one_that_was_cut() -> None:
    begin = "a_rather_long_name_that_no_host_cuts_since_it_is_within_its_limit_and_"

    assert named()(f"{begin}alphabet", offer(f"labsrv_{begin}bet", f"labsrv_{begin}alphabetical")) is None
