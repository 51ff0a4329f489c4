"""--at: the next time of this kind, on this machine."""

from __future__ import annotations

from datetime import datetime

import pytest

from videa_cli.at import parse_at

NOW = datetime(2026, 11, 26, 17, 30)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("17:31", datetime(2026, 11, 26, 17, 31)),
        ("17:30", datetime(2026, 11, 27, 17, 30)),
        ("3:00", datetime(2026, 11, 27, 3, 0)),
        ("2026-12-01 03:00", datetime(2026, 12, 1, 3, 0)),
        ("2026-12-01T03:00", datetime(2026, 12, 1, 3, 0)),
        ("2026-12-01T03:00+00:00", datetime.fromisoformat("2026-12-01T03:00+00:00")),
    ],
)
def test_a_time_of_the_day_is_the_next_one(text: str, moment: datetime) -> None:
    assert parse_at(text, NOW) == moment.timestamp()


@pytest.mark.parametrize("text", ["2026-12-28 03:00", "9999-12-31 23:59", "9999-12-31T23:59-14:00"])
def test_a_time_that_is_far_away_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"in more than 31 days|no time"):
        parse_at(text, NOW)


@pytest.mark.parametrize("text", ["", "3", "24:00", "tomorrow", "2026-12-01", "2026-13-01 03:00", "2026-11-26 17:30"])
def test_anything_else_and_the_past_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"no time|past"):
        parse_at(text, NOW)
