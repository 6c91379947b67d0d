"""A workflow and a baseline for a project: made from a real run, and held to one."""

import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from connect_mcp.base.errors import Misuse, Refused
from connect_mcp.conformance import init_command
from connect_mcp.conformance.commands import main
from connect_mcp.conformance.init_command import BASELINE, WORKFLOW
from connect_mcp.conformance.requirement import Requirement, all_requirements
from connect_mcp.conformance.workflow import Workflow, portable, rendered
from support.action import check
from support.servers import server
from support.subjects import reference, reference_over_http

USES = "someone/connect-mcp/conformance@v1"
INIT = ["init", "--uses", USES, "--profile", "codex", "cline", "--timeout", "5"]
FEW = ("PING-EMPTY", "PARSE-TRUNC", "STDOUT-PURE", "SIGINT-EXIT")


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some requirements alone: all of them take minutes."""
    rows: tuple[Requirement, ...] = tuple(row for row in all_requirements() if row.id in FEW)
    import_module("connect_mcp.conformance.baseline")  # takes all of them when it is loaded, for the tests after this
    monkeypatch.setattr("connect_mcp.conformance.requirement.all_requirements", lambda: rows)


def project(folder: Path, fault: str = "") -> list[str]:
    """A project with a server in it, and its command."""
    folder.mkdir(exist_ok=True)
    (folder / "pyproject.toml").write_text("[project]\nname = 'mine'\n")
    source = Path(reference()[-1])
    for name in ("reference.py", "faults.py", "oddities.py", "over_http.py", "http_faults.py"):
        (folder / name).write_text((source.parent / name).read_text(encoding="utf-8"), encoding="utf-8")
    return [sys.executable, "-S", "-E", str(folder / "reference.py"), *([fault] if fault else [])]


def loaded(folder: Path) -> dict[str, Any]:
    text = (folder / WORKFLOW).read_text(encoding="utf-8")
    data: dict[str, Any] = YAML(typ="safe", pure=True).load(text)
    return data


def given(workflow: dict[str, Any]) -> dict[str, str]:
    """What the workflow gives to the action."""
    (found,) = [step for step in workflow["jobs"]["conformance"]["steps"] if step.get("uses") == USES]
    return dict(found["with"])


@pytest.mark.usefixtures("few")
@pytest.mark.skipif(sys.platform == "win32", reason="a runner's bash")
def test_what_is_written_passes_on_the_project_and_fails_where_more_breaks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    command = project(tmp_path / "mine", "PING-EMPTY")
    assert main([*INIT, "--dir", str(tmp_path / "mine"), "--", *command]) == 0
    shown = capsys.readouterr().out
    assert f"written: {WORKFLOW}, and {BASELINE} with 1 line of what the server breaks today" in shown
    assert "left out, since it would" not in shown
    workflow = loaded(tmp_path / "mine")
    assert given(workflow)["command"] == "python -S -E reference.py PING-EMPTY"
    assert given(workflow)["profile"] == "cline codex" or given(workflow)["profile"] == "codex cline"
    assert {"uses": "actions/checkout@v4"} in workflow["jobs"]["conformance"]["steps"]
    assert {"run": "pip install ."} in workflow["jobs"]["conformance"]["steps"]
    assert str(tmp_path) not in (tmp_path / "mine" / WORKFLOW).read_text() + (tmp_path / "mine" / BASELINE).read_text()

    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}:/usr/bin:/bin")
    inputs = given(workflow)
    inputs["options"] += f" --only {' '.join(FEW)}"
    ran = check(tmp_path / "runner", inputs, tmp_path / "mine")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "1 in the baseline" in ran.stdout
    broken = {**inputs, "command": inputs["command"].replace("PING-EMPTY", "PARSE-TRUNC")}
    assert check(tmp_path / "runner", broken, tmp_path / "mine").returncode == 1


@pytest.mark.usefixtures("few")
def test_no_file_is_written_over_without_force_and_none_at_all_in_a_dry_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = project(tmp_path, "PING-EMPTY")
    argv = [*INIT[:3], "--profile", "codex", "--dir", str(tmp_path)]
    assert main([*argv, "--dry-run", "--", *command]) == 0
    printed = capsys.readouterr()
    assert f"--- {WORKFLOW}\n" in printed.out
    assert "PING-EMPTY 2025-11-25   the result of ping is no empty object" in printed.out
    assert "would be written" in printed.err
    assert not (tmp_path / ".github").exists()
    (tmp_path / BASELINE).write_text("# mine\nPING-EMPTY 2025-11-25   we know\n")
    with pytest.raises(Refused, match="this file is there already") as refused:
        main([*argv, "--", *command])
    assert "--force" in refused.value.mend
    assert not (tmp_path / ".github").exists()
    assert main([*argv, "--force", "--", *command]) == 0
    assert "PING-EMPTY 2025-11-25   we know\n" in (tmp_path / BASELINE).read_text(), "a reason is kept"


@pytest.mark.usefixtures("few")
def test_a_host_in_which_it_fails_is_left_out_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = server(tmp_path, "say('Welcome')")
    argv = ["init", "--uses", USES, "--profile", "cline", "claude", "--dir", str(tmp_path), "--", *command]
    assert main(argv) == 0
    assert "left out, since it would fail there: Cline 3.0.65 would drop this server" in capsys.readouterr().out
    assert given(loaded(tmp_path))["profile"] == "claude-code"
    assert "# Left out: Cline" in (tmp_path / WORKFLOW).read_text(encoding="utf-8")


def test_a_server_that_cannot_be_spoken_with_gets_no_baseline(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="nothing that this server does could be checked") as refused:
        main([*INIT, "--dir", str(tmp_path), "--", sys.executable, "-c", "raise SystemExit(3)"])
    assert "exited with code 3" in refused.value.why
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "words", [["--api-key", "planted-secret-1"], ["--token=planted-secret-1"], ["arc_live_planted_00000000"]]
)
def test_a_secret_is_never_written_into_a_workflow(tmp_path: Path, words: list[str]) -> None:
    with pytest.raises(Refused, match="holds what looks like a secret") as refused:
        main([*INIT, "--dir", str(tmp_path), "--", "server", *words])
    assert "planted" not in str(refused.value)


@pytest.mark.usefixtures("few")
def test_a_server_at_a_url_is_held_to_what_it_keeps(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with reference_over_http() as url:
        assert main([*INIT, "--dir", str(tmp_path), "--url", url, "--sdk", "auto"]) == 0
        told, inputs = capsys.readouterr().out, given(loaded(tmp_path))
        known = ["--baseline", str(tmp_path / BASELINE), "--profile", *inputs["profile"].split()]
        assert main(["run", "--strict", *known, "--url", url]) == 0
    assert inputs["url"] == url
    assert "the behaviour of no SDK shows" in told
    assert f"warning: {url} is on this machine" in told
    assert "# Start the server in a step here" in (tmp_path / WORKFLOW).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("url", "here"),
    [
        ("http://localhost:8000/mcp", True),
        ("http://127.0.0.2/mcp", True),
        ("https://[::1]:8443/mcp", True),
        ("https://mcp.example.com/mcp", False),
        ("http://192.0.2.1/mcp", False),
        ("", False),
    ],
)
def test_a_url_of_this_machine_is_known(url: str, here: bool) -> None:
    assert init_command._is_this_machine(url) is here


def test_a_header_is_named_by_its_variable(tmp_path: Path) -> None:
    with pytest.raises(Misuse, match=r"--header takes NAME:\$VARIABLE here") as refused:
        main([*INIT, "--url", "http://127.0.0.1:9/mcp", "--header", "X-Key: planted-secret-1"])
    assert "planted" not in str(refused.value)


def test_a_folder_inside_of_a_repository_is_refused(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    (tmp_path / "packages").mkdir()
    with pytest.raises(Refused, match="inside of a repository") as refused:
        main([*INIT, "--dir", str(tmp_path / "packages"), "--", "server"])
    assert str(tmp_path) in refused.value.mend


def test_where_the_action_is_not_known_it_is_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = '{"url": "https://github.com/someone/connect-mcp.git", "vcs_info": {"vcs": "git", "commit_id": "abc123"}}'
    for noted, uses in ((source, "someone/connect-mcp/conformance@abc123"), (None, ""), ('{"url": "file:///x"}', "")):
        monkeypatch.setattr("connect_mcp.installer.installation._direct_url", lambda noted=noted: noted)
        if uses:
            assert init_command._action(tmp_path) == uses
        else:
            with pytest.raises(Misuse, match="it is not known where the action is"):
                init_command._action(tmp_path)


@pytest.mark.parametrize(
    ("command", "said", "foreign"),
    [
        (["node", "server.js"], "node server.js", []),
        (["/usr/bin/python3.12", "-m", "mine"], "python -m mine", []),
        (["{root}/.venv/bin/my-server", "{root}/data"], "my-server data", []),
        (["{root}/bin/server"], "./bin/server", []),
        (["bin/server"], "./bin/server", []),
        (["npx", "/somewhere/else"], "npx /somewhere/else", ["/somewhere/else"]),
    ],
)
@pytest.mark.skipif(sys.platform == "win32", reason="paths of POSIX")
def test_a_command_is_written_as_another_machine_has_it(
    tmp_path: Path, command: list[str], said: str, foreign: list[str]
) -> None:
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "pyvenv.cfg").touch()
    words, left = portable([word.format(root=tmp_path) for word in command], tmp_path)
    assert shlex.join(words) == said
    assert list(left) == foreign


@pytest.mark.parametrize(
    "text", ["a", "it's", 'say "x" \\ y', "a: b # c", "${{ secrets.X }}", "é 😀", "tab\there", "- !x &y *z"]
)
def test_every_text_comes_back_out_of_the_workflow(tmp_path: Path, text: str) -> None:
    made = Workflow(USES, text, "", text, BASELINE, text, 3, ("TOKEN",), (), tmp_path)
    data = YAML(typ="safe", pure=True).load(rendered(made))
    said = given(data)
    literal = text.replace("${{", "${{ '${{' }}")  # an expression of the workflow that gives these signs
    assert (said["command"], said["profile"], said["options"]) == (literal, literal, literal)
    assert data["jobs"]["conformance"]["strategy"]["matrix"]["shard"] == ["1/3", "2/3", "3/3"]
    assert said["shard"] == "${{ matrix.shard }}"
    assert data["jobs"]["conformance"]["env"] == {"TOKEN": "${{ secrets.TOKEN }}"}
