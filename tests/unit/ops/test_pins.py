"""Remembering an outcome in .env without harming what else stands there."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.errors import ConfigError
from ops.pins import merge, remember


def test_a_value_is_set_where_it_stands_and_the_rest_is_kept() -> None:
    lines = ["# secrets", "A=1", "", "B=2", "A=3"]
    assert merge(lines, {"A": "9"}) == ["# secrets", "A=9", "", "B=2"]


def test_a_new_value_comes_at_the_end() -> None:
    assert merge(["A=1"], {"B": "2"}) == ["A=1", "B=2"]


def test_the_mode_of_the_file_is_kept(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("SECRET=x\n")
    path.chmod(0o600)
    remember(path, {"REPLICAS": "3"})
    assert path.read_text() == "SECRET=x\nREPLICAS=3\n"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_new_file_is_for_its_owner_only(tmp_path: Path) -> None:
    remember(tmp_path / ".env", {"REPLICAS": "3"})
    assert (tmp_path / ".env").stat().st_mode & 0o777 == 0o600


def test_a_folder_that_is_gone_is_an_error_that_says_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as refused:
        remember(tmp_path / "gone" / ".env", {"REPLICAS": "3"})
    assert "REPLICAS=3" in refused.value.hint
