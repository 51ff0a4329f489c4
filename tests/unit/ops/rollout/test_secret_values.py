"""The secret values of releases, which stay in the project's folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.errors import ConfigError
from ops.project.private import private_file
from ops.rollout.secret_values import FILE, MOST, of, remember


def test_the_values_of_the_last_releases_are_remembered(tmp_path: Path) -> None:
    assert of(tmp_path, "r1") == {}
    for number in range(MOST + 1):
        remember(tmp_path, f"r{number}", {"TOKEN": f"{number}"})
    remember(tmp_path, "r1", {"TOKEN": "another"})
    remember(tmp_path, "new", {"TOKEN": "new"})
    assert [of(tmp_path, release) for release in ("r0", "r1", "r2", "new")] == [
        {},
        {"TOKEN": "another"},
        {},
        {"TOKEN": "new"},
    ]
    assert {path.name for path in (tmp_path / ".videa").iterdir()} == {FILE, ".gitignore"}


def test_a_damaged_file_is_like_none_and_one_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    path = private_file(tmp_path, FILE)
    path.parent.mkdir()
    for damaged in (b"{", b'{"r1": {"KEY": "\xff"}}'):
        path.write_bytes(damaged)
        assert of(tmp_path, "r1") == {}
    path.unlink()
    path.mkdir()
    with pytest.raises(ConfigError, match="cannot read"):
        of(tmp_path, "r1")
    (tmp_path / "other").write_text("")
    with pytest.raises(ConfigError, match="cannot"):
        remember(tmp_path / "other", "r1", {})
