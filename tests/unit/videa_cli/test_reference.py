"""The reference pages in docs/ say what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from ops.project.settings import Settings, effective
from videa_cli.commands import TABLE
from videa_cli.reference import page

DOCS = Path(__file__).parents[3] / "docs"
UNSET = ("", "auto", "none")
"""How `videa config` shows a key without a default."""


def test_the_help_of_every_command_is_in_the_page() -> None:
    """To write it: python -m videa_cli.reference > docs/commands.md"""
    text = page()
    assert (DOCS / "commands.md").read_text() == text
    assert set(re.findall(r"^## videa ([a-z]+)$", text, re.MULTILINE)) == set(TABLE)


def test_every_key_of_x_videa_is_in_the_page_with_its_default() -> None:
    described = {
        key: default
        for keys, default in re.findall(r"^\| (`.+?) \| (.*?) ?\|", (DOCS / "x-videa.md").read_text(), re.MULTILINE)
        for key in re.findall(r"`([^`]+)`", keys)
    }
    defaults = {key.removeprefix("x-videa."): value for key, value, _ in effective(Settings(), {})}
    assert set(described) == set(defaults)
    for key, value in defaults.items():
        shown = value.lower() if value == "[]" else value.lower().strip("[]")
        assert value in UNSET or f"`{shown}`" in described[key], key
