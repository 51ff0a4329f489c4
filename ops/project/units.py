"""Durations and sizes, as Compose writes them; percentages and rates."""

from __future__ import annotations

import re

UNITS = {"us": 1e-6, "µs": 1e-6, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(us|µs|ms|s|m|h)", re.ASCII)
DURATION = re.compile(rf"(?:{PART.pattern})+", re.ASCII)
SIZE = re.compile(r"(\d+)([kmg]?)b?", re.ASCII | re.IGNORECASE)
PERCENTAGE = re.compile(r"(\d+(?:\.\d+)?)%", re.ASCII)
RATE = re.compile(r"(\d+(?:\.\d+)?)/(s|m|h)", re.ASCII)
BYTES = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
LARGEST = 1 << 40
"""The largest size, in bytes; a larger one is an error."""
LONGEST = 365 * 24 * 3600.0
"""The longest duration, in seconds; a longer one is an error."""


class Seconds(float):
    """A duration in Compose's format: 500ms, 30s, 1m30s or 1h."""

    def __str__(self) -> str:
        return f"{round(self * 1000)}ms" if self < 1 else f"{float(self):g}s"


class Size(int):
    """Bytes in Compose's format: 512k, 64m or 1g."""

    def __str__(self) -> str:
        unit = next((unit for unit in "gmk" if self and self % BYTES[unit] == 0), "")
        return f"{self // BYTES[unit]}{unit or 'b'}"


class Share(float):
    """A fraction of 1, written as a percentage: 70%."""

    def __str__(self) -> str:
        return f"{self * 100:g}%"


class Rate(float):
    """A number per second: 200/s, or 12000/m."""

    def __str__(self) -> str:
        return f"{float(self):g}/s"


def parse_duration(text: object) -> Seconds:
    """Reads "500ms", "30s", "1m30s" or "1h". Raises ValueError."""
    if not isinstance(text, str) or not DURATION.fullmatch(text):
        raise ValueError(f"{text!r} is not a duration; write it as 500ms, 30s, 1m30s or 1h")
    seconds = sum(float(number) * UNITS[unit] for number, unit in PART.findall(text))
    if seconds > LONGEST:
        raise ValueError(f"the duration {text!r} is longer than a year")
    return Seconds(seconds)


def parse_size(value: object) -> Size:
    """Reads "512k", "64m", "1g", or a number of bytes. Raises ValueError."""
    match = SIZE.fullmatch(str(value))
    if match is None or isinstance(value, bool):
        raise ValueError(f"{value!r} is not a size; write it as 512k, 64m or 1g")
    size = int(match[1]) * BYTES[match[2].lower()]
    if size > LARGEST:
        raise ValueError(f"the size {value!r} is larger than a terabyte")
    return Size(size)


def parse_share(text: object) -> Share:
    """Reads "70%". Raises ValueError, also for a plain number, which could mean a share or a percentage."""
    match = PERCENTAGE.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"{text!r} is not a percentage; write it as 70%")
    return Share(float(match[1]) / 100)


def parse_rate(text: object) -> Rate:
    """Reads "200/s", "12000/m" or "720000/h". Raises ValueError."""
    match = RATE.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"{text!r} is not a rate; write it as 200/s or 12000/m")
    return Rate(float(match[1]) / UNITS[match[2]])
