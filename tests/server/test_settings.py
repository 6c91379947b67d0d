import pytest

from connect_mcp.server.results import Failure
from connect_mcp.server.settings import ALLOW_HTTP, API_KEY, BASE_URL, Settings, is_local, read_settings

URL = "https://api.example.test/api/v1"
KEY = "arc_test_planted_0123456789"


def test_settings_are_read_without_what_surrounds_them() -> None:
    assert read_settings({BASE_URL: f" {URL}/ \n", API_KEY: f" {KEY}\n"}) == Settings(URL, KEY)


def test_the_key_is_not_part_of_what_settings_look_like() -> None:
    assert KEY not in repr(Settings(URL, KEY))


@pytest.mark.parametrize(
    ("environ", "named"),
    [
        ({}, [BASE_URL, API_KEY]),
        ({BASE_URL: URL}, [API_KEY]),
        ({API_KEY: KEY}, [BASE_URL]),
        ({BASE_URL: URL, API_KEY: " "}, [API_KEY]),
        ({BASE_URL: "api.example.test/api/v1", API_KEY: KEY}, [BASE_URL]),
        ({BASE_URL: "ftp://api.example.test", API_KEY: KEY}, [BASE_URL]),
        ({BASE_URL: "https://", API_KEY: KEY}, [BASE_URL]),
        ({BASE_URL: "https://h:99999999/", API_KEY: KEY}, [BASE_URL]),
        ({BASE_URL: "https://[h/", API_KEY: KEY}, [BASE_URL]),
        ({BASE_URL: URL + "?x=1", API_KEY: KEY}, [BASE_URL]),
        ({BASE_URL: URL + "#a", API_KEY: KEY}, [BASE_URL]),
        ({BASE_URL: URL + "#", API_KEY: KEY}, [BASE_URL]),
        ({BASE_URL: "https://ada:planted@api.example.test/api/v1", API_KEY: KEY}, [BASE_URL]),
        ({BASE_URL: "https://@api.example.test/api/v1", API_KEY: KEY}, [BASE_URL]),
        ({BASE_URL: "https://api.example.test\\@elsewhere.test/api/v1", API_KEY: KEY}, [BASE_URL]),
        ({BASE_URL: URL, API_KEY: "a b"}, [API_KEY]),
        ({BASE_URL: URL, API_KEY: f"{KEY}\nX-Injected: 1"}, [API_KEY]),
        ({BASE_URL: URL, API_KEY: f"{KEY}é"}, [API_KEY]),
    ],
)
def test_what_is_missing_or_cannot_be_is_named_and_never_shown(environ: dict[str, str], named: list[str]) -> None:
    with pytest.raises(Failure) as caught:
        read_settings(environ)
    failed = caught.value
    assert failed.code == "UNAUTHENTICATED"
    assert [name for name in (BASE_URL, API_KEY) if name in failed.message] == named
    assert failed.hint is not None
    assert "/admin/api-keys" in failed.hint
    assert "--embedded" in failed.hint
    assert KEY not in str(failed.as_dict())
    assert "planted" not in str(failed.as_dict())


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://127.0.0.1:8000/api/v1", True),
        ("http://127.9.9.9/api/v1", True),
        ("http://[::1]:8000/api/v1", True),
        ("http://localhost/api/v1", True),
        ("http://connect.localhost/api/v1", True),
        ("http://LOCALHOST/api/v1", True),
        ("http://10.0.0.1/api/v1", False),
        ("http://api.example.test/api/v1", False),
        ("http://127.0.0.1.example.test/api/v1", False),
        ("http://localhost.example.test/api/v1", False),
        ("http://0.0.0.0/api/v1", False),
    ],
)
def test_a_key_goes_unencrypted_only_within_this_machine(url: str, local: bool) -> None:
    assert is_local(url) is local
    if local:
        assert read_settings({BASE_URL: url, API_KEY: KEY}).base_url == url
        return
    for allowed in ("", "0", "yes"):
        with pytest.raises(Failure, match="begins with http:") as caught:
            read_settings({BASE_URL: url, API_KEY: KEY, ALLOW_HTTP: allowed})
        assert ALLOW_HTTP in str(caught.value.hint)
    assert read_settings({BASE_URL: url, API_KEY: KEY, ALLOW_HTTP: "1"}).base_url == url
