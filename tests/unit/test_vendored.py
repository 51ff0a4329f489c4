"""Files of others, and the files that both pages have: the backend's image contains nothing of videa_cli."""

from __future__ import annotations

import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
UI, SERVER = ROOT / "videa_cli/ui/static/shared", ROOT / "server/static/shared"
VENDORED = [*UI.glob("*/"), *(path for path in (ROOT / "server/static").glob("*/") if path != SERVER)]


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_both_pages_have_the_same_look_and_charts() -> None:
    assert contents(UI) == contents(SERVER), "cp -r videa_cli/ui/static/shared server/static/"


def test_software_of_others_has_its_licence_and_is_listed() -> None:
    notices = (ROOT / "docs/notices.md").read_text()
    for folder in VENDORED:
        assert list(folder.glob("LICENSE*")), folder
        assert f"`{folder.relative_to(ROOT)}`" in notices


def test_a_package_has_all_files_of_the_page() -> None:
    patterns = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"][
        "videa_cli.ui"
    ]
    page = ROOT / "videa_cli/ui"
    files = {path for folder in ("static", "templates") for path in (page / folder).rglob("*") if path.is_file()}
    assert files == {path for pattern in patterns for path in page.glob(pattern) if path.is_file()}
