"""Names of replicas in a terminal."""

from __future__ import annotations

WIDE = 120
"""Columns from which full names are always shown."""


def shown_name(name: str, service: str, width: int) -> str:
    """A replica's name, in a narrow terminal without the project: shop-web-1 is web-1."""
    return name if width >= WIDE else name[max(name.rfind(f"{service}-"), 0) :]
