"""Compose's errors in videa's messages."""

from __future__ import annotations

import pytest

from ops.engine.compose import last_line, without_values


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        ("failed to read /p/.env: line 2: unterminated quoted value 'hunter2", "line 2: unterminated quoted value"),
        (
            'failed to read /p/.env: line 1: unexpected character "\'" in variable name "hunter2\'"',
            "in variable name",
        ),
        ('failed to read /p/.env: Invalid template: "${hunter2"', "Invalid template:"),
    ],
)
def test_an_error_about_an_env_file_does_not_show_its_values(error: str, shown: str) -> None:
    assert last_line(without_values(f"level=warning\n{error}\n")).endswith(shown)


def test_other_errors_do_not_change() -> None:
    error = "validating /p/compose.yml: services.web must be a mapping"
    assert without_values(error) == error
