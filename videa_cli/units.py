"""Figures with units, short enough for a table."""

from __future__ import annotations

from datetime import UTC, datetime

MINUTE, HOUR, DAY = 60, 3600, 86400


def size(count: float) -> str:
    """Bytes in binary units: 53 MiB."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024 or unit == "GiB":
            break
        count /= 1024
    return f"{count:.0f} {unit}" if count >= 10 or unit == "B" else f"{count:.1f} {unit}"


def share(used: float, limit: float | None) -> str:
    """Used bytes and their limit, in the limit's unit: 53/256 MiB."""
    if not limit:
        return size(used)
    figure, unit = size(limit).split()
    return f"{used / limit * float(figure):.0f}/{figure} {unit}"


def duration(seconds: float) -> str:
    """A duration in its two largest units: 3h 5m."""
    full = int(seconds)
    if full < MINUTE:
        return f"{full}s"
    if full < HOUR:
        return f"{full // MINUTE}m {full % MINUTE}s"
    if full < DAY:
        return f"{full // HOUR}h {full % HOUR // MINUTE}m"
    return f"{full // DAY}d {full % DAY // HOUR}h"


def clock(moment: float) -> str:
    """The time of day of a Unix time, UTC: 13:50:19."""
    return f"{datetime.fromtimestamp(moment, UTC):%H:%M:%S}"


def day(moment: float) -> str:
    """A Unix time with its date, UTC: 2026-01-31 13:50:19."""
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M:%S}"


def milliseconds(seconds: float | None) -> str:
    """A latency: 16 ms; "-" if unknown."""
    return "-" if seconds is None else f"{seconds * 1000:.0f} ms"
