"""A deploy in a freeze window is refused; the message says until when, and what is still possible."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace as with_fields

from ops.errors import ConfigError, PlanRefused
from ops.frozen import check_all
from ops.project.section import read_settings
from tests.unit.ops.fakes import fake_stack
from tests.unit.ops.fakes.world import APP

FRIDAY = datetime(2026, 11, 27, 20, 0, tzinfo=UTC).timestamp()


def check(tmp_path: Path, window: dict[str, object], now: float = FRIDAY) -> None:
    project = fake_stack(tmp_path).project
    windows = read_settings({"freeze": [window]}).freeze
    check_all(replace(project, settings=with_fields(project.settings, freeze=windows)), [APP], now)


def test_it_says_until_when_and_how_to_deploy_anyway(tmp_path: Path) -> None:
    window = {"from": "fri 16:00", "to": "mon 06:00"}
    with pytest.raises(PlanRefused, match="frozen until 2026-11-30 06:00 UTC") as refused:
        check(tmp_path, window)
    assert "--despite-freeze" in refused.value.hint
    check(tmp_path, window, FRIDAY + 3 * 86400)


def test_an_unknown_time_zone_is_an_error_and_not_no_window(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Mars/Base"):
        check(tmp_path, {"from": "22:00", "to": "06:00", "timezone": "Mars/Base"})


@pytest.mark.parametrize(
    ("window", "said"),
    [({"from": "22:00"}, "freeze"), ({"from": "x", "to": "06:00"}, r"freeze\[0\]"), ({"form": "1"}, "unknown key")],
)
def test_a_wrong_window_names_its_key(window: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        read_settings({"freeze": [window]})
