"""Reading Compose's model of a project, in all notations that Compose does not normalise."""

from __future__ import annotations

import pytest

from ops.errors import ConfigError
from ops.project.compose_model import parse


def test_a_dollar_that_compose_doubles_becomes_one() -> None:
    text = "services: {web: {command: [echo, $$HOME]}}\nx-videa: {hooks: {pre_deploy: echo $$A}}"
    assert parse(text, interpolated=True)["x-videa"] == {"hooks": {"pre_deploy": "echo $A"}}
    assert parse(text, interpolated=True)["services"]["web"]["command"] == ["echo", "$HOME"]
    assert parse(text, interpolated=False)["x-videa"] == {"hooks": {"pre_deploy": "echo $$A"}}
    assert parse('services: {}\nx-a: {"l$$k": 1}', interpolated=True)["x-a"] == {"l$k": 1}


@pytest.mark.parametrize(
    "word",
    [
        *("2020-13-45", "2020-01-01", "2020-01-01T00:00:00Z", "=", "<<", "1:30", "1:30:00", "yes", "y", "True"),
        *("!", "%a", "0o17", "0x1F", "0b1", "1_000", "1e999", "9" * 5000),
    ],
    ids=lambda word: word[:20],
)
def test_strings_that_yaml_1_1_converts_stay_strings(word: str) -> None:
    quoted = f'"{word}"' if word in {"!", "%a"} else word
    assert parse(f"services: {{}}\nx-word: {quoted}", interpolated=True)["x-word"] == word


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("8000", 8000),
        ("-1", -1),
        ("18446744073709551615", 2**64 - 1),
        ("99999999999999999999", 1e20),
        ("1.5", 1.5),
        (".inf", float("inf")),
        ("true", True),
        ("null", None),
        ("1e3", 1000.0),
        ("!!binary YYBi", "a\ufffdb"),
        ("{<<: 1, =: 2}", {"<<": 1, "=": 2}),
    ],
)
def test_numbers_and_booleans_are_those_of_compose(written: str, value: object) -> None:
    assert parse(f"services: {{}}\nx-value: {written}", interpolated=True)["x-value"] == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "words",
        "services: []",
        "services:",
        "name: x",
        "services: {a: [",
        "services: {}\nx: " + "[" * 5000,
        "services: {}\nx: !!python/object:os.system {}",
        "services: {}\nx: " + "[" * 5000 + "]" * 5000,
    ],
)
def test_an_unreadable_model_is_a_config_error(text: str) -> None:
    with pytest.raises(ConfigError):
        parse(text, interpolated=True)
