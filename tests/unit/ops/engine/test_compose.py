"""Compose's words, as videa passes them on."""

from __future__ import annotations

import pytest

from ops.engine.compose import last_line, without_values


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("failed to read /p/.env: line 2: unterminated quoted value 'hunter2", "line 2: unterminated quoted value"),
        (
            'failed to read /p/.env: line 1: unexpected character "\'" in variable name "hunter2\'"',
            "in variable name",
        ),
        ('failed to read /p/.env: Invalid template: "${hunter2"', "Invalid template:"),
    ],
)
def test_a_complaint_about_an_env_file_does_not_show_its_values(words: str, said: str) -> None:
    assert last_line(without_values(f"level=warning\n{words}\n")).endswith(said)


def test_other_words_stay_as_they_are() -> None:
    words = "validating /p/compose.yml: services.web must be a mapping"
    assert without_values(words) == words
