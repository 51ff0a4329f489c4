"""Freeze windows: over midnight, over a weekend, over the end of a year, and in their own time zone."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from ops.project import freeze

BUDAPEST = ZoneInfo("Europe/Budapest")


def until(begin: str, to: str, now: str, days: tuple[str, ...] = (), zone: ZoneInfo = BUDAPEST) -> str:
    """The end of the window that ``now`` is in; "" if it is in none."""
    freeze.check(begin, to, days)
    end = freeze.end_of(begin, to, days, zone, datetime.fromisoformat(now).replace(tzinfo=zone).timestamp())
    return f"{end:%Y-%m-%d %H:%M}" if end else ""


@pytest.mark.parametrize(
    ("window", "now", "end"),
    [
        (("22:00", "06:00"), "2026-11-26 21:59", ""),
        (("22:00", "06:00"), "2026-11-26 22:00", "2026-11-27 06:00"),
        (("22:00", "06:00"), "2026-11-27 05:59", "2026-11-27 06:00"),
        (("22:00", "06:00"), "2026-11-27 06:00", ""),
        (("9:00", "17:00"), "2026-11-26 12:00", "2026-11-26 17:00"),
        (("Fri 16:00", "mon 06:00"), "2026-11-27 15:59", ""),
        (("fri 16:00", "mon 06:00"), "2026-11-29 23:00", "2026-11-30 06:00"),
        (("fri 16:00", "mon 06:00"), "2026-11-30 06:00", ""),
        (("mon 10:00", "mon 09:00"), "2026-11-30 08:00", "2026-11-30 09:00"),
        (("2026-12-20", "2027-01-02"), "2027-01-02 23:59", "2027-01-03 00:00"),
        (("2026-12-20T00:00:00Z", "2027-01-02T00:00:00Z"), "2026-12-20 00:00", "2027-01-03 00:00"),
        (("2026-12-20 18:00", "2027-01-02 06:00"), "2027-01-02 06:00", ""),
    ],
)
def test_a_window_has_a_begin_and_an_end(window: tuple[str, str], now: str, end: str) -> None:
    assert until(*window, now) == end


def test_a_window_over_midnight_belongs_to_the_day_on_which_it_begins() -> None:
    assert until("22:00", "06:00", "2026-11-28 05:00", ("fri",)) == "2026-11-28 06:00"  # Friday night
    assert until("22:00", "06:00", "2026-11-27 05:00", ("fri",)) == ""
    assert until("22:00", "06:00", "2026-11-26 23:00", ("sat-mon", "thu")) == "2026-11-27 06:00"


def test_the_time_zone_decides() -> None:
    moment = datetime(2026, 7, 1, 21, 30, tzinfo=ZoneInfo("UTC")).timestamp()
    assert freeze.end_of("23:00", "06:00", (), BUDAPEST, moment)
    assert freeze.end_of("23:00", "06:00", (), ZoneInfo("UTC"), moment) is None


@pytest.mark.parametrize(
    ("begin", "to", "days", "why"),
    [
        ("25:00", "06:00", (), "no time"),
        ("22:00", "mon 06:00", (), "a time of the week"),
        ("fri 22:00", "mon 06:00", ("fri",), "days need"),
        ("22:00", "06:00", ("friday",), "no day"),
        ("2026-12-20", "2026-12-19", (), "not after"),
        ("2026-12-20T10:00+01:00", "2026-12-21", (), "time zone"),
    ],
)
def test_anything_else_is_refused(begin: str, to: str, days: tuple[str, ...], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        freeze.check(begin, to, days)
