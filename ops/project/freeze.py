"""Freeze windows: times in which nothing is deployed, from x-videa.freeze. Pure.

A window has two points of the same kind: times of day (every day, or on ``days``), times of the week, or dates.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import msgspec

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WEEK = timedelta(days=7)
HINT = (
    'write {from: "22:00", to: "06:00", days: [mon-fri]}, {from: fri 16:00, to: mon 06:00} '
    'or {from: "2026-12-20", to: "2027-01-02"}'
)

_CLOCK = r"(?P<hour>[01]?\d|2[0-3]):(?P<minute>[0-5]\d)"
_DAILY = re.compile(_CLOCK, re.ASCII)
_WEEKLY = re.compile(rf"(?P<day>{'|'.join(DAYS)}) {_CLOCK}", re.ASCII)
_MIDNIGHT = "T00:00:00Z"
"""The form that Compose gives to an unquoted date."""


class Point(msgspec.Struct, frozen=True):
    """``day``: day of the week, Monday is 0; ``on``: a date; both None in other kinds. ``at``: None for a whole day."""

    day: int | None
    on: date | None
    at: time | None

    @property
    def kind(self) -> str:
        return "a date" if self.on else "a time of the week" if self.day is not None else "a time of the day"


def read_point(text: str) -> Point:
    """Reads "22:00", "fri 16:00", "2026-12-20" or "2026-12-20 18:00". Raises ValueError."""
    given = " ".join(text.lower().removesuffix(_MIDNIGHT.lower()).split())
    if match := _DAILY.fullmatch(given):
        return Point(None, None, _clock(match))
    if match := _WEEKLY.fullmatch(given):
        return Point(DAYS.index(match["day"]), None, _clock(match))
    try:
        moment = datetime.fromisoformat(given)
    except ValueError:
        raise ValueError(f"{text!r} is no time and no date") from None
    if moment.tzinfo:
        raise ValueError(f"{text!r} has a time zone; write it as timezone")
    return Point(None, moment.date(), moment.time() if len(given) > len("2026-12-20") else None)


def read_days(names: Iterable[str]) -> frozenset[int]:
    """Reads "mon" and "mon-fri". Raises ValueError."""
    return frozenset(day for name in names for day in _days(name.lower()))


def end_of(begin: str, to: str, days: Sequence[str], zone: ZoneInfo, now: float) -> datetime | None:
    """The end of the window that ``now`` (Unix time) is in; None if it is in none. Raises ValueError."""
    first, last, chosen = read_point(begin), read_point(to), read_days(days)
    local = datetime.fromtimestamp(now, zone).replace(tzinfo=None)
    for start, end in _windows(first, last, chosen, local):
        if start <= local < end:
            return end
    return None


def check(begin: str, to: str, days: Sequence[str]) -> None:
    """Raises ValueError if this is not a valid window."""
    first, last = read_point(begin), read_point(to)
    read_days(days)
    if first.kind != last.kind:
        raise ValueError(f"{begin!r} is {first.kind}, and {to!r} is {last.kind}")
    if days and (first.on or first.day is not None):
        raise ValueError(f"days need times of the day, and {begin!r} is {first.kind}")
    if first.on and (start := _moment(first)) >= _moment(last, is_end=True):
        raise ValueError(f"{to!r} is not after {start}")


def _windows(first: Point, last: Point, days: frozenset[int], local: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The windows that may contain ``local``."""
    if first.on:
        yield _moment(first), _moment(last, is_end=True)
        return
    for back in range(8 if first.day is not None else 2):
        day = local.date() - timedelta(days=back)
        if day.weekday() == first.day or (first.day is None and (not days or day.weekday() in days)):
            start = datetime.combine(day, first.at or time())
            yield start, _next(last, start)


def _next(last: Point, start: datetime) -> datetime:
    """The first moment after ``start`` at which the window ends."""
    ahead = 0 if last.day is None else (last.day - start.weekday()) % 7
    end = datetime.combine(start.date() + timedelta(days=ahead), last.at or time())
    if end > start:
        return end
    return end + (timedelta(days=1) if last.day is None else WEEK)


def _moment(point: Point, is_end: bool = False) -> datetime:
    """The time of a date; as an end, a date without a time means the end of that day."""
    day = point.on or date.min
    if point.at is None and is_end:
        day += timedelta(days=1)
    return datetime.combine(day, point.at or time())


def _clock(match: re.Match[str]) -> time:
    return time(int(match["hour"]), int(match["minute"]))


def _days(name: str) -> Iterator[int]:
    first, separator, last = name.partition("-")
    if first not in DAYS or (separator and last not in DAYS):
        raise ValueError(f"{name!r} is no day; allowed: {', '.join(DAYS)}, or mon-fri")
    begin, end = DAYS.index(first), DAYS.index(last or first)
    yield from ((begin + each) % 7 for each in range((end - begin) % 7 + 1))
