"""Taking the overlay away; tests of whole projects do it after each proposal."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.adopt.removal import removal
from ops.errors import ConfigError
from tests.unit.ops.adopt.projects import plain_project


def test_without_an_overlay_there_is_nothing_to_take_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"there is no compose\.videa\.yaml"):
        removal(plain_project("published", tmp_path, monkeypatch))
