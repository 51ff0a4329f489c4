"""Values of the Compose model in the form that Swarm expects. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ops.project.units import parse_duration, parse_size

NANO = 1_000_000_000


def text(values: Mapping[str, Any]) -> dict[str, str]:
    """Labels or options, with all values as strings."""
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
    """A command: a string is one word, because Compose has already split commands."""
    return [value] if isinstance(value, str) else [str(word) for word in as_list(value)]


def as_list(value: object) -> list[Any]:
    """The value as a list: a single value becomes a list of one, None an empty list."""
    return list(value) if isinstance(value, list | tuple) else [] if value is None else [value]
