import json
from pathlib import Path

import pytest

from connect_mcp.base.secrets import Store
from connect_mcp.server.results import Failure
from connect_mcp.server.settings import ALLOW_HTTP, API_KEY, BASE_URL, Settings, stored_settings

URL, OTHER_URL = "https://api.example/api/v1", "https://other.example/api/v1"
KEY, OTHER_KEY = "arc_test_planted_0123456789", "arc_test_planted_9876543210"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "config")


def keep(store: Store, **values: str) -> None:
    for name, value in values.items():
        store.put(name.replace("__", "/"), value)


WITHOUT_PROFILE: dict[str, tuple[dict[str, str], dict[str, str], Settings]] = {
    "both from the environment": ({BASE_URL: URL, API_KEY: KEY}, {}, Settings(URL, KEY)),
    "both from the store": ({}, {BASE_URL: URL, API_KEY: KEY}, Settings(URL, KEY)),
    "the environment goes first": (
        {BASE_URL: URL, API_KEY: KEY},
        {BASE_URL: OTHER_URL, API_KEY: OTHER_KEY},
        Settings(URL, KEY),
    ),
    "a key for the address in the environment": ({BASE_URL: URL}, {API_KEY: KEY}, Settings(URL, KEY)),
    "a key for the same address": ({BASE_URL: URL + "/"}, {BASE_URL: URL, API_KEY: KEY}, Settings(URL, KEY)),
    "an address for the key in the environment": ({API_KEY: KEY}, {BASE_URL: URL}, Settings(URL, KEY)),
    "blank in the environment": ({API_KEY: " ", BASE_URL: ""}, {BASE_URL: URL, API_KEY: KEY}, Settings(URL, KEY)),
}


@pytest.mark.parametrize("case", WITHOUT_PROFILE)
def test_what_the_environment_does_not_say_the_store_does(case: str, store: Store) -> None:
    environ, kept, expected = WITHOUT_PROFILE[case]
    keep(store, **kept)
    assert stored_settings(environ, store) == expected


def test_a_profile_is_used_as_it_stands_whatever_the_environment_and_the_rest_of_the_store_say(store: Store) -> None:
    keep(store, **{API_KEY: OTHER_KEY, BASE_URL: OTHER_URL, f"acme/{API_KEY}": KEY, f"acme/{BASE_URL}": URL})
    assert stored_settings({BASE_URL: OTHER_URL, API_KEY: OTHER_KEY}, store, "acme") == Settings(URL, KEY)


def test_what_a_profile_lacks_is_taken_from_nowhere_else(store: Store) -> None:
    keep(store, **{API_KEY: OTHER_KEY, BASE_URL: OTHER_URL, f"acme/{BASE_URL}": URL})
    failed = failure({BASE_URL: OTHER_URL, API_KEY: OTHER_KEY}, store, "acme")
    assert failed.message == f"The profile acme has no {API_KEY}."
    assert f"`connect-mcp secret set acme/{API_KEY}`" in str(failed.hint)


def test_a_stored_key_goes_to_no_other_api_than_the_stored_one(store: Store) -> None:
    keep(store, **{API_KEY: KEY, BASE_URL: URL})
    failed = failure({BASE_URL: "https://evil.example/api/v1"}, store)
    assert "belongs to another API" in failed.message


FAULTS: dict[str, tuple[dict[str, str], str | None, str, str]] = {
    "nothing at all": ({}, None, f"no {BASE_URL} and no {API_KEY}", f"`connect-mcp secret set {API_KEY}`"),
    "no such profile": ({f"acne/{API_KEY}": KEY}, "acme", "The profile acme has no", "Is the profile acne meant?"),
    "no such profile, and none like it": ({"zz/A": KEY}, "acme", "The profile acme has no", "in a terminal"),
    "an address that is none": (
        {f"acme/{API_KEY}": KEY, f"acme/{BASE_URL}": "api.example"},
        "acme",
        "is not the URL of an API",
        f"secret set acme/{BASE_URL}",
    ),
    "a key with a space": (
        {f"acme/{API_KEY}": f"{KEY} x", f"acme/{BASE_URL}": URL},
        "acme",
        "a character that no key has",
        f"secret set acme/{API_KEY}",
    ),
    "an address without TLS": (
        {f"acme/{API_KEY}": KEY, f"acme/{BASE_URL}": "http://api.example/api/v1"},
        "acme",
        "begins with http:",
        f"secret set acme/{BASE_URL}",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_settings_that_cannot_be_used_say_why_and_what_mends_it(fault: str, store: Store) -> None:
    kept, profile, problem, mend = FAULTS[fault]
    keep(store, **kept)
    failed = failure({}, store, profile)
    assert problem in failed.message
    assert mend in str(failed.hint)
    assert KEY not in json.dumps(failed.as_dict())


def test_an_address_without_tls_is_for_the_environment_to_allow(store: Store) -> None:
    keep(store, **{f"acme/{API_KEY}": KEY, f"acme/{BASE_URL}": "http://api.example/api/v1"})
    assert stored_settings({ALLOW_HTTP: "1"}, store, "acme").key == KEY


@pytest.mark.parametrize("fault", ["others may read it", "not a store", "a folder"])
@pytest.mark.parametrize("profile", [None, "acme"])
def test_a_store_that_cannot_be_read_is_told_without_its_path(fault: str, profile: str | None, store: Store) -> None:
    keep(store, **{API_KEY: KEY})
    file = Path(store.path)
    if fault == "others may read it":
        file.chmod(0o640)
    elif fault == "not a store":
        file.write_text(f'{{"{API_KEY}": {KEY}')
    else:
        file.unlink()
        file.mkdir()
    failed = failure({}, store, profile)
    assert "`connect-mcp secret list` says which file" in str(failed.hint)
    assert KEY not in json.dumps(failed.as_dict())
    assert str(file.parent) not in json.dumps(failed.as_dict())


def failure(environ: dict[str, str], store: Store, profile: str | None = None) -> Failure:
    with pytest.raises(Failure) as caught:
        stored_settings(environ, store, profile)
    assert caught.value.code == "UNAUTHENTICATED"
    return caught.value
