"""Labels and variables as Compose files write them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def as_mapping(value: object) -> Mapping[str, Any]:
    """Labels or variables, written as a mapping or as a list of "NAME=value", as a mapping."""
    if isinstance(value, dict):
        return value
    pairs = (str(item).partition("=") for item in value) if isinstance(value, list) else ()
    return {name: text if sign else None for name, sign, text in pairs}
