"""Which variables of the shell belong to a release."""

from __future__ import annotations

import pytest

from ops.errors import ConfigError
from ops.project.shell import shell_values

COMMIT = "3f2a9c1d0b7e4a5566778899aabbccddeeff0011"


def test_what_the_shell_alone_says_is_to_be_remembered() -> None:
    found = shell_values(
        {"TAG", "LEVEL", "SAME"}, {"TAG": COMMIT, "SAME": "x", "OTHER": "y"}, {"TAG": "1", "SAME": "x"}
    )
    assert found.to_remember == {"TAG": COMMIT}
    assert found.secret == ()


@pytest.mark.parametrize("name", ["HOME", "PWD", "USER", "COMPOSE_PROJECT_NAME"])
def test_what_belongs_to_the_operator_is_not(name: str) -> None:
    assert shell_values({name}, {name: "x"}, {}).to_remember == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DB_PASSWORD", "x"),
        ("API_TOKEN", "x"),
        ("STRIPE_KEY", "x"),
        ("SMTP_PWD", "x"),
        ("DATABASE_URL", "postgresql://app:x@db/app"),
    ],
)
def test_a_secret_is_told_and_not_written(name: str, value: str) -> None:
    found = shell_values({name}, {name: value}, {})
    assert found.to_remember == {}
    assert found.secret == (name,)


def test_bytes_that_are_not_utf8_are_refused() -> None:
    assert shell_values({"TAG"}, {"TAG": "1", "OTHER": "\udcff"}, {}).to_remember == {"TAG": "1"}
    with pytest.raises(ConfigError, match="TAG in your shell"):
        shell_values({"TAG"}, {"TAG": "caf\udce9"}, {})
