"""The reference pages in docs/ say what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ops.project.settings import Settings, effective
from videa_cli.commands import TABLE
from videa_cli.reference import page

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", ROOT / "bench" / "README.md", *sorted(DOCS.glob("*.md"))]
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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_page_and_its_heading(page: Path) -> None:
    for name, heading in re.findall(r"\]\(((?!https?:)[^)#\s]*)#?([^)\s]*)\)", page.read_text()):
        target = page.parent / name if name else page
        assert target.exists(), name
        assert not heading or heading in map(anchor, re.findall(r"^#+ (.*)$", target.read_text(), re.MULTILINE)), (
            heading
        )


def anchor(heading: str) -> str:
    """The fragment that leads to a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
