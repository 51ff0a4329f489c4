"""Durations and sizes, as Compose writes them."""

from __future__ import annotations

import re

UNITS = {"us": 1e-6, "µs": 1e-6, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(us|µs|ms|s|m|h)", re.ASCII)
DURATION = re.compile(rf"(?:{PART.pattern})+", re.ASCII)
SIZE = re.compile(r"(\d+)([kmg]?)b?", re.ASCII | re.IGNORECASE)
BYTES = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}
LARGEST = 1 << 40
"""Bytes; a larger size is an error."""
LONGEST = 365 * 24 * 3600.0
"""Seconds; a longer duration is an error."""


class Seconds(float):
    """A duration in Compose's format: 500ms, 30s, 1m30s or 1h."""

    def __str__(self) -> str:
        return f"{round(self * 1000)}ms" if self < 1 else f"{float(self):g}s"


class Size(int):
    """Bytes in Compose's format: 512k, 64m or 1g."""

    def __str__(self) -> str:
        unit = next((unit for unit in "gmk" if self and self % BYTES[unit] == 0), "")
        return f"{self // BYTES[unit]}{unit or 'b'}"


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
