"""What is secret goes, wherever it stands; what is not stays."""

from __future__ import annotations

import re

import pytest

from ops.redaction.redactor import Redactor, secrets_in
from tests.unit.ops.redaction.markers import KNOWN, MARK, ORDINARY, PLANTED, WRITTEN


@pytest.fixture(scope="module")
def redactor() -> Redactor:
    return Redactor(b"key of this bundle", rules=True)


@pytest.mark.parametrize("text", PLANTED)
def test_a_secret_is_found_where_it_stands(redactor: Redactor, text: str) -> None:
    shown = redactor.text(text)
    assert not re.search(MARK, shown, re.IGNORECASE)
    assert "<hidden-" in shown


@pytest.mark.parametrize("text", PLANTED)
def test_redacting_twice_changes_nothing(redactor: Redactor, text: str) -> None:
    once = redactor.text(text)
    assert redactor.text(once) == once


def test_all_together_as_in_one_log(redactor: Redactor) -> None:
    shown = redactor.text("\n".join(PLANTED))
    assert not re.search(MARK, shown, re.IGNORECASE)


@pytest.mark.parametrize("text", ORDINARY)
def test_ordinary_lines_stay_as_they_are(redactor: Redactor, text: str) -> None:
    assert redactor.text(text) == text


@pytest.mark.parametrize("text", WRITTEN.values(), ids=WRITTEN)
def test_a_known_secret_is_found_in_the_forms_that_programs_write(text: str) -> None:
    redactor = Redactor(b"key")
    redactor.learn([KNOWN])
    shown = redactor.text(f"it said {text} to somebody")
    assert redactor.token(KNOWN) in shown
    assert text[4:12] not in shown


@pytest.mark.parametrize("text", ["curl -H 'X-Videa-Canary: {}'", "x-videa-canary: {}.never", "videa_canary={}"])
def test_the_testers_key_is_hidden_by_the_name_of_its_header_and_cookie(redactor: Redactor, text: str) -> None:
    assert "only-testers-know" not in redactor.text(text.format("only-testers-know"))


def test_a_known_secret_made_of_words_does_not_hide_names_that_begin_as_it_does() -> None:
    redactor = Redactor()
    redactor.learn(["videa-only-for-testing", "postgres"])
    assert redactor.text("videa-only-1 asks postgres") == "videa-only-1 asks postgres"
    assert redactor.text("videa-only-for-test...") == "<hidden>..."


def test_a_configuration_by_its_names(redactor: Redactor) -> None:
    shown = redactor.tree(
        {
            "environment": {
                "JWT_ACCESS_SECRET": "short",
                "SMTP_PWD": "short",
                "PORT": "3001",
                "POSTGRES_PASSWORD_FILE": "/run/secrets/postgres",
                "LICENSE": "a8f5f167f44f4964e6c998dee827110c",
            },
            "command": ["redis-server", "--requirepass", "pw", "--port", "6379"],
            "healthcheck": {"test": ["CMD", "redis-cli", "-a", "pw", "ping"]},
            "other": ["mysqladmin", "-uroot", "-ppw", "status"],
            "replicas": 2,
        }
    )
    hidden = redactor.token("short")
    assert shown["environment"] == {
        "JWT_ACCESS_SECRET": hidden,
        "SMTP_PWD": hidden,
        "PORT": "3001",
        "POSTGRES_PASSWORD_FILE": "/run/secrets/postgres",
        "LICENSE": redactor.token("a8f5f167f44f4964e6c998dee827110c"),
    }
    assert shown["command"] == ["redis-server", "--requirepass", redactor.token("pw"), "--port", "6379"]
    assert shown["healthcheck"]["test"] == ["CMD", "redis-cli", "-a", redactor.token("pw"), "ping"]
    assert shown["other"] == ["mysqladmin", "-uroot", f"-p{redactor.token('pw')}", "status"]
    assert shown["replicas"] == 2


def test_known_secrets_are_found_in_any_place_and_equal_ones_are_seen_to_be_equal() -> None:
    redactor = Redactor(b"key")
    redactor.learn(
        secrets_in({"DATABASE_URL": "postgresql://app:s3cret-value@db/app", "JWT_SECRET": "new-key,old-key"})
    )
    first, second, other = redactor.text("s3cret-value s3cret-value old-key").split()
    assert first == second == redactor.token("s3cret-value")
    assert other == redactor.token("old-key")
    assert Redactor(b"another").token("x") != redactor.token("x")


def test_secrets_in_commands_are_learned_too() -> None:
    found = secrets_in({"healthcheck": ["CMD-SHELL", "redis-cli -a one ping"], "command": ["x", "--token", "two"]})
    assert {"one", "two"} <= found


@pytest.mark.parametrize(
    "atom",
    [
        "a",
        "a.",
        '"',
        "\\",
        "x=",
        "password=",
        "?a=",
        "https://a/",
        "ooks/",
        "sk-",
        "Key (a)=(",
        "password:\n ",
        'password="""',
        "<a name=pw ",
        "&lt;pw",
        "pw:{a:",
    ],
)
def test_the_time_grows_with_the_length_of_a_line_and_no_faster(redactor: Redactor, atom: str) -> None:
    """What took the square of it for one of these would take a minute here."""
    text = atom * (60_000 // len(atom))
    assert redactor.text(text)


def test_the_role_in_a_url_stays_readable_and_a_token_in_its_place_does_not() -> None:
    assert Redactor().text("postgresql://videa_app:s3cret-value@db/app") == "postgresql://videa_app:<hidden>@db/app"
    assert secrets_in({"DATABASE_URL": "postgresql://videa_app:s3cret-value@db/app"}) >= {"s3cret-value"}
    assert "videa_app" not in secrets_in({"DATABASE_URL": "postgresql://videa_app:s3cret-value@db/app"})
    assert "ghp0123456789abcdefghij" not in Redactor().text("https://ghp0123456789abcdefghij:x-oauth@git.example/r")
