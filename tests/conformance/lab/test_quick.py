"""A host whose channel is no longer as it was is reported as that: real programs, that answer as no host does yet."""

import io
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from connect_mcp.base.errors import Refused
from connect_mcp.conformance.lab.model.script import Call, Script
from connect_mcp.conformance.lab.quick import CodexAppServer, converse
from support.processes import program

_HOST = """
import json, sys
ANSWERS = json.loads(sys.argv[1])
for line in sys.stdin:
    message = json.loads(line)
    if "id" in message:
        print(json.dumps({"id": message["id"], **ANSWERS[message["method"]]}), flush=True)
"""


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ({"mcpServerStatus/list": {"error": {"message": "no such method"}}}, "no such method"),
        ({"mcpServerStatus/list": {"result": {"data": ["lab"]}}}, "AttributeError"),
        ({"mcpServerStatus/list": {"result": {"data": 7}}}, "TypeError"),
        ({"mcpServerStatus/list": {"result": {}}, "thread/start": {"result": {"id": "x"}}}, "KeyError: 'thread'"),
    ],
    ids=["a refusal", "another member", "no list", "another name"],
)
def test_an_answer_that_is_not_as_it_was_is_the_hosts_doing(tmp_path: Path, answers: dict[str, Any], why: str) -> None:
    whole = json.dumps({"initialize": {"result": {}}, **answers})
    pipe = subprocess.PIPE
    process = subprocess.Popen([*program(tmp_path, _HOST), whole], stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL)

    with pytest.raises(Refused, match="answers otherwise than it did") as refused:
        converse(CodexAppServer, process, io.BytesIO(), "lab", Script(((Call("echo", {}),),)), patience=20)

    assert why in refused.value.why
    process.wait(20)
