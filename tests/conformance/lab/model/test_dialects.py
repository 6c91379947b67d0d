"""The scripted model does its script in every dialect, streamed and whole."""

import json
from collections.abc import Iterator
from typing import Protocol

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connect_mcp.conformance.lab.model.script import ASIDE, DONE, NOT_OFFERED, UNANSWERED, Call, Script
from connect_mcp.conformance.lab.model.server import ScriptedModel
from support.examples import examples
from support.model_clients import CLIENTS, KEY, Answered, Client, Responses, Tool, posted

ECHO, FAIL = Tool("lab_echo"), Tool("lab_fail")


class Meet(Protocol):
    """Makes a model and a host that talks to it."""

    def __call__(
        self, *steps: tuple[Call, ...], tools: tuple[Tool, ...] = (ECHO, FAIL)
    ) -> tuple[Client, ScriptedModel]: ...


@pytest.fixture(params=[True, False], ids=["streamed", "whole"])
def streamed(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture(params=CLIENTS, ids=lambda client: client.dialect)
def meet(request: pytest.FixtureRequest, streamed: bool) -> Iterator[Meet]:
    models = []

    def made(*steps: tuple[Call, ...], tools: tuple[Tool, ...] = (ECHO, FAIL)) -> tuple[Client, ScriptedModel]:
        models.append(ScriptedModel(Script(steps)).__enter__())
        return request.param(models[-1].url, tools, streamed=streamed), models[-1]

    yield made
    for model in models:
        model.__exit__(None, None, None)


def names(answered: Answered) -> list[str]:
    return [call.name.rpartition("__")[2] for call in answered.calls]


def echo(text: str) -> Call:
    return Call("echo", {"text": text})


def test_it_calls_the_tool_by_the_name_that_it_was_offered_and_says_the_result_at_last(meet: Meet) -> None:
    host, model = meet((Call("echo", {"text": "hear, hear", "more": [1, None, {"deep": 2.5}]}),))

    first = host.ask()
    (call,) = first.calls
    assert names(first) == ["lab_echo"]
    assert call.arguments == {"text": "hear, hear", "more": [1, None, {"deep": 2.5}]}
    host.give(call, "heard")
    last = host.ask()

    assert last.calls == []
    assert last.text == f"{DONE}\nheard"
    assert first.reason in ("completed", "tool_use", "tool_calls", "STOP")
    assert last.reason in ("completed", "end_turn", "stop", "STOP")
    assert model.unknown == ()


def test_the_calls_of_one_step_come_together_and_those_of_the_next_after_their_results(meet: Meet) -> None:
    host, model = meet((echo("one"), echo("two")), (Call("fail", {}),))

    first = host.ask()
    assert [call.arguments["text"] for call in first.calls] == ["one", "two"]
    for call in first.calls:
        host.give(call, f"{call.arguments['text']} heard")
    second = host.ask()
    assert names(second) == ["lab_fail"]
    host.give(second.calls[0], "it failed", is_error=True)

    assert host.ask().text == f"{DONE}\none heard\ntwo heard\nit failed"
    assert len({call.id for call in first.calls + second.calls}) == 3
    failed = True if host.knows_errors else None
    passed = False if host.knows_errors else None
    assert [(seen.text, seen.is_error) for seen in model.turns[-1].seen] == [
        ("one heard", passed),
        ("two heard", passed),
        ("it failed", failed),
    ]


def test_what_is_left_of_a_step_is_called_again_where_a_host_gives_one_result_at_a_time(meet: Meet) -> None:
    host, _ = meet(
        (echo("one"), echo("two")),
    )

    host.give(host.ask().calls[0], "one heard")

    (left,) = host.ask().calls
    assert left.arguments == {"text": "two"}


def test_a_turn_tells_what_was_asked_and_what_was_done(meet: Meet, streamed: bool) -> None:
    host, model = meet((echo("hear"),))

    host.give(host.ask().calls[0], "heard")
    host.ask()

    first, last = model.turns
    assert (first.dialect, first.model, first.streamed) == (host.dialect, "lab-1", streamed)
    assert first.path == host.path().partition("?")[0]
    offered = {tool.name: tool for tool in first.offered}
    assert (offered["lab_echo"].description, offered["lab_echo"].schema) == (ECHO.description, ECHO.schema)
    assert offered["lab_echo"].namespace == ("mcp__lab" if isinstance(host, Responses) else None)
    (made,) = first.answered.calls
    assert (made.tool.name, made.arguments, first.answered.searched) == ("lab_echo", {"text": "hear"}, False)
    assert (first.seen, len(last.seen), last.seen[0].call) == ((), 1, made.id)
    assert json.loads(first.body)["tools"] == host.body()["tools"]
    assert first.at < last.at


@pytest.mark.parametrize("text", ['grüße ✓ 🎉 \u202e \x00 \\ "quoted" \r\n data: {}\n\n event: x', "\ud800 alone", ""])
def test_any_text_goes_there_and_back(meet: Meet, text: str) -> None:
    host, model = meet((echo(text),))

    (call,) = host.ask().calls
    assert call.arguments == {"text": text}
    host.give(call, text)

    assert host.ask().text == f"{DONE}\n{text}"
    assert model.turns[-1].seen[0].text == text


def test_a_result_of_a_megabyte_is_seen_whole_and_quoted_in_part(meet: Meet) -> None:
    host, model = meet((echo("much"),))
    much = "".join(f"{number} ü✓🎉 " for number in range(100_000))

    host.give(host.ask().calls[0], much)
    last = host.ask().text

    assert model.turns[-1].seen[0].text == much
    assert len(model.turns[-1].body) < len(much)
    assert last.startswith(f"{DONE}\n{much[:100]}")
    assert len(last) < 1000


def test_a_request_without_tools_gets_a_short_text_and_moves_nothing(meet: Meet) -> None:
    host, model = meet((echo("hear"),))
    title, _ = type(host)(host.url, (), streamed=host.streamed), host.ask()

    assert title.ask().text == ASIDE
    assert names(host.ask()) == ["lab_echo"]
    assert [turn.answered.text for turn in model.turns] == ["", ASIDE, ""]


def test_the_same_request_gets_the_same_answer_but_not_for_ever(meet: Meet) -> None:
    host, _ = meet((echo("hear"),))
    history = list(host.history)
    answers = []
    for _ in range(6):
        host.history = list(history)
        answers.append(host.ask())

    assert all(answer.calls == answers[0].calls for answer in answers[:4])
    assert answers[4].calls == answers[5].calls == []
    assert answers[5].text == UNANSWERED.format(tool=answers[0].calls[0].name, times=4)


def test_a_tool_that_is_not_offered_is_said_to_be_missing(meet: Meet) -> None:
    host, model = meet((Call("nowhere", {}),))

    assert host.ask().text == NOT_OFFERED.format(tool="nowhere")
    assert {"lab_echo", "lab_fail"} <= {tool.name for tool in model.turns[0].offered}


def test_of_a_step_with_a_tool_that_is_missing_nothing_is_called(meet: Meet) -> None:
    host, _ = meet(
        (echo("hear"), Call("nowhere", {})),
    )

    assert host.ask().calls == []


@pytest.mark.parametrize("way", ["tool_search", "ToolSearch", "WaitForMcpServers"])
def test_a_tool_that_is_not_offered_is_looked_for_first(meet: Meet, way: str) -> None:
    host, model = meet((echo("hear"),), tools=(Tool(way),))

    first = host.ask()
    assert names(first) == [way]
    assert first.calls[0].arguments.get("query", "echo") == "echo"
    host.give(first.calls[0], "found")
    host.tools.append(ECHO)
    second = host.ask()
    assert names(second) == ["lab_echo"]
    host.give(second.calls[0], "heard")

    assert host.ask().text == f"{DONE}\nheard"
    assert [turn.answered.searched for turn in model.turns] == [True, False, False]
    assert [len(turn.seen) for turn in model.turns] == [0, 0, 1]


def test_a_search_that_finds_nothing_is_given_up(meet: Meet) -> None:
    host, _ = meet((echo("hear"),), tools=(Tool("WaitForMcpServers"), Tool("ToolSearch")))

    tried = []
    while (answered := host.ask()).calls:
        tried += names(answered)
        host.give(answered.calls[0], "nothing found")

    assert tried == ["WaitForMcpServers", "ToolSearch"] * 2
    assert answered.text == NOT_OFFERED.format(tool="echo")


def test_a_long_name_that_was_cut_is_looked_for_by_its_words_as_well(meet: Meet) -> None:
    host, _ = meet((Call("a_long_long_name/größe", {}),), tools=(Tool("tool_search"),))

    queries = []
    while (answered := host.ask()).calls:
        queries.append(answered.calls[0].arguments["query"])
        host.give(answered.calls[0], "nothing found")

    assert queries == ["a_long_long_name/größe", "a long name größe"] * 2


def test_results_that_come_in_another_order_are_seen_in_that_of_the_script(meet: Meet) -> None:
    host, model = meet((echo("one"), echo("two")))

    first, second = host.ask().calls
    host.give(second, "second")
    host.give(first, "first")

    assert host.ask().text == f"{DONE}\nfirst\nsecond"
    assert [seen.call for seen in model.turns[-1].seen] == [first.id, second.id]


def test_two_conversations_at_the_same_time_do_not_disturb_each_other(meet: Meet) -> None:
    host, _ = meet((echo("one"),), (Call("fail", {}),))
    other = type(host)(host.url, (ECHO, FAIL), streamed=not host.streamed)

    host.give(host.ask().calls[0], "heard here")
    other.give(other.ask().calls[0], "heard there")
    host.give(host.ask().calls[0], "failed here")

    assert names(other.ask()) == ["lab_fail"]
    assert host.ask().text == f"{DONE}\nheard here\nfailed here"


def test_results_of_other_calls_than_the_scripts_do_not_count(meet: Meet) -> None:
    host, model = meet((echo("hear"),))

    (call,) = host.ask().calls
    host.give(call._replace(id="call_of_somebody"), "not ours")

    assert names(host.ask()) == ["lab_echo"]
    assert model.turns[-1].seen == ()


def test_no_key_is_kept(meet: Meet) -> None:
    host, model = meet((echo("hear"),))

    host.give(host.ask().calls[0], "heard")
    host.ask()
    posted(model.url, f"/elsewhere?key={KEY}", b"{}", host.headers)

    assert len(model.turns) == 2
    assert len(model.unknown) == 1
    assert KEY not in repr((model.turns, model.unknown, vars(model)))


@pytest.mark.parametrize("body", [b"", b"nonsense", b"[1]", b"\xff\xfe", b"[" * 100_000, b'{"a":'])
def test_a_body_that_is_no_object_is_refused_in_the_dialects_own_words(meet: Meet, body: bytes) -> None:
    host, model = meet((echo("hear"),))

    status, data = posted(host.url, host.path(), body, host.headers)

    assert status == 400
    assert json.loads(data)["error"]["message"] == "the body is no JSON object"
    assert model.unknown == (f"POST {host.path().partition('?')[0]}: the body is no JSON object",)
    assert names(host.ask()) == ["lab_echo"]


KEYS = [
    *("model", "stream", "tools", "input", "messages", "contents", "parts", "content", "role", "type", "name", "id"),
    *("namespace", "function", "functionDeclarations", "functionResponse", "response", "output", "error", "text"),
    *("call_id", "tool_call_id", "tool_use_id", "description", "parameters"),
]
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["tool", "namespace", "tool_result", "function_call_output"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=12,
)


@pytest.mark.parametrize("client", CLIENTS, ids=lambda client: client.dialect)
@examples(30)
@given(body=st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=6))
def test_whatever_an_object_holds_it_is_answered(client: type[Client], body: dict[str, object]) -> None:
    with ScriptedModel(Script(((echo("hear"),),))) as model:
        host = client(model.url, (), streamed=body.get("stream") is True)
        status, data = posted(host.url, host.path(), json.dumps(body).encode())
        assert (status, bool(data)) == (200, True)
        assert model.unknown == ()
