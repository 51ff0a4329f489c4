"""Values of the Compose model as a swarm has them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ops.project.units import parse_duration, parse_size

NANO = 1_000_000_000


def text(values: Mapping[str, Any]) -> dict[str, str]:
    """Labels or options, all of them strings."""
    return {str(name): plain(value) for name, value in values.items()}


def plain(value: object) -> str:
    """A value as Compose would write it: true, not True."""
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def in_bytes(value: object) -> int:
    """A size in bytes. Raises ValueError."""
    return int(str(value)) if str(value).isdecimal() else int(parse_size(value))


def nanoseconds(value: object) -> int | None:
    """A duration; None without one. Raises ValueError."""
    return None if value is None else int(parse_duration(value) * NANO)


def words(value: object) -> list[str]:
    """A command: a string is one word, because Compose has already split commands into lists."""
    return [value] if isinstance(value, str) else [str(word) for word in as_list(value)]


def as_list(value: object) -> list[Any]:
    """A list, also of a single value; empty for None."""
    return list(value) if isinstance(value, list | tuple) else [] if value is None else [value]
