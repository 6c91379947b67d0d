"""Every folder of fixtures/configs: the file before, our entry, the file after, and the laws of editing."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from connect_mcp.base.errors import Refused
from connect_mcp.installer.editors.engine import decode, edit, read
from connect_mcp.installer.editors.formats import format_named
from connect_mcp.installer.editors.model import Edit, Put
from connect_mcp.installer.hosts.all_hosts import HOSTS, find
from connect_mcp.installer.hosts.model import Host, Location
from connect_mcp.installer.spec import Reference, ServerSpec, Template
from support.editing_laws import check_laws
from support.machines import machine

CONFIGS = Path(__file__).parents[2] / "fixtures" / "configs"
FOLDERS = sorted(path.parent for path in CONFIGS.glob("*/*/case.json"))
ENDING = {"jsonc": "json", "yaml": "yaml", "toml": "toml"}
KEYS = {"about", "scope", "provenance", "project", "spec", "refused"}


@dataclass(frozen=True)
class Case:
    """One folder."""

    folder: Path
    host: Host
    location: Location
    name: str
    spec: ServerSpec
    refused: Mapping[str, Any] | None

    @property
    def before(self) -> bytes:
        path = self._file("before")
        return path.read_bytes() if path.exists() else b""

    @property
    def after(self) -> bytes:
        return self._file("after").read_bytes()

    @property
    def key(self) -> str:
        return self.host.entry_key(self.name)

    def changes(self) -> tuple[Put, ...]:
        text = decode(self.before, "before")
        existing = read(text, format_named(self.location.format), self.location.section).get(self.key)
        return self.host.changes(self.location, self.name, self.spec, existing)

    def edit(self) -> Edit:
        text = decode(self.before, "before")
        fmt = format_named(self.location.format)
        return edit(text, fmt, self.changes(), rejects=self.location.rejects, path="before")

    def _file(self, stem: str) -> Path:
        return self.folder / f"{stem}.{ENDING[self.location.format]}"


def load(folder: Path) -> Case:
    data = json.loads((folder / "case.json").read_text(encoding="utf-8"))
    assert set(data) <= KEYS, "a key that the runner does not know is a mistake in the case"
    spec = data.get("spec") or json.loads((CONFIGS / "spec.json").read_text(encoding="utf-8"))
    host = find(folder.parent.name)
    location = host.locate(machine(), data["scope"], data.get("project", "/home/user/project"))
    return Case(folder, host, location, spec["name"], spec_from(spec), data.get("refused"))


def spec_from(data: Mapping[str, Any]) -> ServerSpec:
    fields = {key: value for key, value in data.items() if key != "name"}
    env, headers = (
        {key: text_from(text) for key, text in fields.get(field, {}).items()} for field in ("env", "headers")
    )
    return ServerSpec(
        **{**fields, "args": tuple(map(text_from, fields.get("args", ()))), "env": env, "headers": headers}
    )


def text_from(data: str | list[Any]) -> str:
    """A text, or the parts of a template: texts, and references as maps."""
    if isinstance(data, str):
        return data
    return Template(*(part if isinstance(part, str) else Reference(**part) for part in data))


def cases(*, refused: bool) -> list[Any]:
    found = [load(folder) for folder in FOLDERS]
    return [
        pytest.param(case, id=f"{case.host.id}/{case.folder.name}")
        for case in found
        if (case.refused is not None) is refused
    ]


@pytest.mark.parametrize("case", cases(refused=False))
def test_the_file_becomes_what_a_careful_person_would_have_written(case: Case) -> None:
    edited = case.edit()
    assert edited.new.encode("utf-8") == case.after
    fmt, section = format_named(case.location.format), case.location.section
    entry = read(edited.new, fmt, section)[case.key]
    found = case.host.read(entry)
    assert found is not None
    assert (found.command, found.args) == (case.spec.command, case.spec.args)
    assert (found.url, found.transport) == (case.spec.url, case.spec.transport)
    meant = case.host.read(case.host.render(case.spec))  # a host may have one form for two kinds of references
    assert meant is not None
    assert meant.env.items() <= found.env.items(), "variables that the user added stay"
    assert meant.headers.items() <= found.headers.items(), "headers that the user added stay"
    assert not case.host.changes(case.location, case.name, case.spec, entry)[0].drop


@pytest.mark.parametrize("case", cases(refused=False))
def test_the_laws_of_editing_hold(case: Case) -> None:
    text, fmt = decode(case.before, "before"), format_named(case.location.format)
    put = case.changes()[0]
    if case.key not in read(text, fmt, put.section):
        check_laws(text, fmt, put.section, put.entry, name=case.key, top=put.top)
    # A file that holds the entry obeys them for another name.
    check_laws(decode(case.after, "after"), fmt, put.section, put.entry, name="another", top=put.top)


@pytest.mark.parametrize("case", cases(refused=True))
def test_a_file_that_must_not_be_edited_is_refused_with_the_place(case: Case) -> None:
    assert case.refused is not None
    with pytest.raises(Refused) as caught:
        case.edit()
    place = caught.value.place
    assert place is not None
    assert (place.line, place.column) == (case.refused["line"], case.refused["column"])
    assert case.refused["what"] in caught.value.what


def test_every_host_has_its_cases() -> None:
    counts = {host.id: sum(folder.parent.name == host.id for folder in FOLDERS) for host in HOSTS}
    variants = {"vscode-insiders", "vscodium"}
    assert all(count >= (2 if host in variants else 4) for host, count in counts.items()), counts
    assert {folder.parent.name for folder in FOLDERS} == set(counts)
    remote = {case.host.id for case in map(load, FOLDERS) if case.spec.is_remote}
    assert remote == {host.id for host in HOSTS if host.remote}
    by_hosts = {folder.parent.name for folder in FOLDERS if "mcp add" in (folder / "case.json").read_text("utf-8")}
    assert by_hosts == {
        "claude-code",
        "cline",
        "codex",
        "copilot-cli",
        "gemini-cli",
        "kilo",
        "opencode",
        "qwen-code",
    }


def test_every_case_has_the_files_that_it_needs_and_no_others() -> None:
    for folder in FOLDERS:
        case = load(folder)
        names = {path.name for path in folder.iterdir()} - {"case.json"}
        ending = ENDING[case.location.format]
        needed = {f"before.{ending}"} if case.refused else {f"after.{ending}"}
        assert needed <= names <= {f"before.{ending}", f"after.{ending}"}, folder
        assert not case.refused or f"after.{ending}" not in names, folder
