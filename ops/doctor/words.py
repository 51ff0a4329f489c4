"""Figures as text, for reports."""

from __future__ import annotations

from collections.abc import Iterable


def share(value: float) -> str:
    """0.934 -> "93%"; below 10% with one decimal."""
    percent = value * 100
    return f"{percent:.1f}%" if 0 < percent < 10 else f"{percent:.0f}%"


def size(value: float) -> str:
    """Bytes in the largest binary unit in which the value is at least 1."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(value) < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"


def span(seconds: float) -> str:
    """Seconds in a readable unit: 45 s, 12 min, 3.5 h, 9 d."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    if seconds < 172800:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 86400:.0f} d"


def recovery(services: list[str], running: bool, outside: bool, paused: Iterable[str] = ()) -> str:
    """The fix for servers that do not answer; ``up`` helps neither a hanging process nor a ``paused`` container."""
    if waiting := " ".join(paused):
        return f"docker unpause {waiting}"
    names = " ".join(services)
    if outside:
        return f"check {names}: whether it is running, and whether the replicas' network can reach it"
    verb = "restart" if running else "up -d"
    return f"docker compose {verb} {names}\ndocker compose logs --tail 50 {names}"


def listing(names: list[str], most: int = 5) -> str:
    """At most ``most`` names, and the number of the others."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
