import pytest

from connect_mcp.base.masking import MASK, Plain, looks_secret, masked, secret_values, without_secrets

PLANTED = "arc_live_planted_00000000"


@pytest.mark.parametrize(
    "text",
    [
        f'"ARYTHMATIC_API_KEY": "{PLANTED}"',
        f"key is {PLANTED}, really",
        f"ARYTHMATIC_API_KEY = '{PLANTED}'",
        f"  ARYTHMATIC_API_KEY: {PLANTED}",
        f"-H 'Authorization: Bearer {PLANTED}'",
        f"--api-key={PLANTED}",
    ],
)
def test_a_planted_key_is_masked_wherever_it_stands(text: str) -> None:
    assert PLANTED not in masked(text)
    assert MASK in masked(text)


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ('"DB_PASSWORD": "hunter2"', "hunter2"),
        ("postgres://me:hunter2@db/x", "hunter2"),
        ("Authorization: Basic aHVudGVyMjpodW50ZXIy", "aHVudGVyMjpodW50ZXIy"),
        ("MY_TOKEN = 'a b c d'", "a b c d"),
        ('// "GITHUB_TOKEN": "ghx"', "ghx"),
        ('"SECRET": "with \\" quote"', "quote"),
        ("authorization BEARER hunter2hunter2", "hunter2hunter2"),
        ('{"text": "{\\"password\\": \\"hunter2\\"}"}', "hunter2"),
        ("token: a, İ, MY_KEY=hunter2", "hunter2"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2ln", "eyJzdWIiOiIxMjM0In0"),
    ],
)
def test_other_peoples_secrets_are_masked_too(text: str, secret: str) -> None:
    assert secret not in masked(text)


@pytest.mark.parametrize(
    "text",
    [
        '"command": "/usr/bin/connect-mcp"',
        '"CONNECT_LOG": "warning"',
        '"API_KEY": "${env:API_KEY}"',
        'API_KEY = "$API_KEY"',
        'bearer_token_env_var = "MY_TOKEN"',
        '"author": "Ann"',
        "These are private: only members see them.",
        '"keyboard": "us"',
    ],
)
def test_what_is_no_secret_stays_readable(text: str) -> None:
    assert masked(text) == text


def test_known_values_are_masked_even_where_nothing_gives_them_away() -> None:
    assert masked("the word is swordfish.", ["swordfish"]) == f"the word is {MASK}."


def test_secrets_are_found_by_name_by_form_and_as_an_options_argument() -> None:
    entry: Plain = {
        "command": "server",
        "args": ["--token", "abc-def", "--port", "80", "--verbose"],
        "env": {"DB_PASSWORD": "hunter2", "MODE": "fast", "BLOB": "a1" * 16, "REF_KEY": "${env:REF_KEY}"},
    }
    assert secret_values(entry) == {"abc-def", "hunter2", "a1" * 16}


def test_secrets_are_found_deeper_than_calls_can_be_nested() -> None:
    value: Plain = {"DB_PASSWORD": "hunter2"}
    for _ in range(5_000):
        value = [{"a": value}]
    assert secret_values(value) == {"hunter2"}


@pytest.mark.parametrize(
    "name", ["API_KEY", "x-auth-token", "Authorization", "Cookie", "GH_PAT_SECRET", "client_secret", "pwd", "DB_PWD"]
)
def test_names_that_usually_hold_a_credential_are_known(name: str) -> None:
    assert looks_secret(name)


@pytest.mark.parametrize(
    "name",
    [
        "PATH",
        "PWD",
        "OLDPWD",
        "MODE",
        "KEYBOARD",
        "AUTHOR",
        "TOKEN_FILE",
        "env_vars",
        "bearer_token_env_var",
        "KeyError",
    ],
)
def test_names_that_hold_none_are_not(name: str) -> None:
    assert not looks_secret(name)


@pytest.mark.parametrize(
    "piece", ["a", "key", "key: ", "key='", 'key="\\', "eyJ-aaaaaaaa", "a.b-", "bearer ", "key ", "\\"]
)
def test_a_long_text_made_to_be_searched_slowly_is_not(piece: str) -> None:
    """It ends: a search that takes the square of the length would need hours for this."""
    masked(piece * (100_000 // len(piece)))


def test_what_takes_a_secrets_place_can_be_chosen() -> None:
    text = without_secrets("a=1 PASSWORD=hunter2 x=swordfish", lambda secret: f"{{{len(secret)}}}", ["swordfish"])
    assert text == "a=1 PASSWORD={7} x={9}"


def test_the_name_of_a_stored_secret_is_none_and_what_another_programs_option_holds_is() -> None:
    entry = {"args": ["run", "--secret", "GITHUB_TOKEN", "--secret", "A=B", "--", "x", "--secret", "hunter2hunter2"]}
    assert secret_values(entry) == {"hunter2hunter2"}
    assert secret_values({"args": ["--secret", "JBSWY3DPEHPK3PXP"]}) == {"JBSWY3DPEHPK3PXP"}


def test_a_scheme_before_a_reference_makes_it_no_secret() -> None:
    assert secret_values({"Authorization": "Bearer ${env:TOKEN}"}) == set()
    assert "Bearer ${env:TOKEN}" in masked('"Authorization": "Bearer ${env:TOKEN}"')
    assert secret_values({"Authorization": "Bearer abc"}) == {"Bearer abc"}
