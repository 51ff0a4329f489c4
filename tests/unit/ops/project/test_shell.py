"""The variables of the shell that belong to a release."""

from __future__ import annotations

import pytest

from ops.errors import ConfigError
from ops.project.shell import shell_values

COMMIT = "3f2a9c1d0b7e4a5566778899aabbccddeeff0011"


def test_variables_that_only_the_shell_has_are_recorded() -> None:
    shell = shell_values(
        {"TAG", "LEVEL", "SAME"}, {"TAG": COMMIT, "SAME": "x", "OTHER": "y"}, {"TAG": "1", "SAME": "x"}
    )
    assert shell.to_remember == {"TAG": COMMIT}
    assert shell.secret == ()


@pytest.mark.parametrize("name", ["HOME", "PWD", "USER", "COMPOSE_PROJECT_NAME"])
def test_variables_of_the_operator_are_not_recorded(name: str) -> None:
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
def test_a_secret_is_reported_but_not_recorded(name: str, value: str) -> None:
    shell = shell_values({name}, {name: value}, {})
    assert shell.to_remember == {}
    assert shell.secret == (name,)


def test_bytes_that_are_not_utf8_are_refused() -> None:
    assert shell_values({"TAG"}, {"TAG": "1", "OTHER": "\udcff"}, {}).to_remember == {"TAG": "1"}
    with pytest.raises(ConfigError, match="TAG in your shell"):
        shell_values({"TAG"}, {"TAG": "caf\udce9"}, {})
