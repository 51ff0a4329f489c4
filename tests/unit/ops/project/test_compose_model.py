"""Reading Compose's model of a project, in all notations that Compose does not normalise."""

from __future__ import annotations

import pytest

from ops.errors import ConfigError
from ops.project.compose_model import as_mapping, parse


def test_a_dollar_that_compose_doubles_becomes_one() -> None:
    text = "services: {web: {command: [echo, $$HOME]}}\nx-videa: {hooks: {pre_deploy: echo $$A}}"
    assert parse(text, interpolated=True)["x-videa"] == {"hooks": {"pre_deploy": "echo $A"}}
    assert parse(text, interpolated=True)["services"]["web"]["command"] == ["echo", "$HOME"]
    assert parse(text, interpolated=False)["x-videa"] == {"hooks": {"pre_deploy": "echo $$A"}}


@pytest.mark.parametrize("word", ["2020-13-45", "2020-01-01", "=", "1:30", "yes", "0o17", "<<", "1_000", "!", "%a"])
def test_strings_that_yaml_1_1_converts_stay_strings(word: str) -> None:
    quoted = f'"{word}"' if word in {"!", "%a"} else word
    assert parse(f"services: {{}}\nx-word: {quoted}", interpolated=True)["x-word"] == word


@pytest.mark.parametrize(
    ("written", "value"),
    [("8000", 8000), ("-1", -1), ("1.5", 1.5), (".inf", float("inf")), ("true", True), ("null", None), ("1e3", 1000.0)],
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


@pytest.mark.parametrize(
    ("labels", "wanted"),
    [
        ({"a": "b"}, {"a": "b"}),
        (["a=b", "c=d=e", "f"], {"a": "b", "c": "d=e", "f": None}),
        ([], {}),
        (None, {}),
        ("${LABELS}", {}),
    ],
)
def test_labels_may_be_a_mapping_or_a_list(labels: object, wanted: dict[str, object]) -> None:
    assert as_mapping(labels) == wanted
