import json
import os
from pathlib import Path
from typing import Any

import pytest

from connect_mcp.server.profiles import FILE, read_profile
from connect_mcp.server.results import Failure

KEY = "arc_test_planted_0123456789"
URL = "https://api.example/api/v1"
GOOD = {"base_url": URL, "api_key": KEY}


def write(folder: Path, content: Any, mode: int = 0o600) -> None:
    file = folder / FILE
    file.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    file.chmod(mode)


def test_a_profile_is_its_url_and_its_key(tmp_path: Path) -> None:
    write(tmp_path, {"acme": GOOD, "other": {"base_url": "https://other.example/api/v1", "api_key": "k" * 20}})
    settings = read_profile("acme", tmp_path)
    assert (settings.base_url, settings.key) == (URL, KEY)


BAD: dict[str, tuple[Any, str, str]] = {
    "no such profile": ({"acne": GOOD}, "has no profile acme", "Is acne meant?"),
    "no such profile, and none like it": ({"zz": GOOD, "b": GOOD}, "has no profile acme", "It has b, zz."),
    "no profile at all": ({}, "has no profile acme", "It has none."),
    "no key": ({"acme": {"base_url": URL}}, "has no api_key", "Add what is missing"),
    "nothing in it": ({"acme": None}, "has no base_url and no api_key", "Add what is missing"),
    "a key that is a number": ({"acme": {**GOOD, "api_key": 5}}, "has no api_key", "Add what is missing"),
    "a URL that is none": ({"acme": {**GOOD, "base_url": "api.example"}}, "base_url", "Mend it"),
    "a key with a space": ({"acme": {**GOOD, "api_key": "a b"}}, "api_key", "Mend it"),
    "not JSON": (f'{{"acme": {KEY}', "is not a JSON object", "Mend it"),
    "JSON that is too deep": ("[" * 100_000, "is not a JSON object", "Mend it"),
    "a list": ([GOOD], "is not a JSON object", "Mend it"),
}


@pytest.mark.parametrize("fault", BAD)
def test_a_profile_that_cannot_be_used_says_why_and_what_mends_it(fault: str, tmp_path: Path) -> None:
    content, problem, mend = BAD[fault]
    write(tmp_path, content)
    refused = failed(tmp_path)
    assert problem in refused.message
    assert mend in (refused.hint or "")
    assert KEY not in json.dumps(refused.as_dict())
    assert str(tmp_path) not in json.dumps(refused.as_dict())


def test_a_file_that_others_may_read_is_refused(tmp_path: Path) -> None:
    for mode in (0o640, 0o604, 0o660):
        write(tmp_path, {"acme": GOOD}, mode)
        assert "others may read it" in failed(tmp_path).message
        assert "chmod 600" in (failed(tmp_path).hint or "")
    assert read_profile("acme", tmp_path, windows=True).key == KEY


def test_a_file_that_is_not_there_or_is_a_folder_is_named(tmp_path: Path) -> None:
    assert failed(tmp_path).message == f"The settings folder has no {FILE}."
    os.mkdir(tmp_path / FILE)
    assert f"{FILE} cannot be read" in failed(tmp_path).message


def failed(folder: Path) -> Failure:
    with pytest.raises(Failure) as caught:
        read_profile("acme", folder)
    assert caught.value.code == "UNAUTHENTICATED"
    return caught.value
