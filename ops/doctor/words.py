"""Figures in the words of reports."""

from __future__ import annotations


def share(value: float) -> str:
    """0.934 -> "93%"; under ten percent with one digit more."""
    percent = value * 100
    return f"{percent:.1f}%" if 0 < percent < 10 else f"{percent:.0f}%"


def size(value: float) -> str:
    """Bytes in the largest binary unit that leaves at least 1."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(value) < 1024:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"


def span(seconds: float) -> str:
    """Seconds as people say them: 45 s, 12 min, 3.5 h, 9 d."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 7200:
        return f"{seconds / 60:.0f} min"
    if seconds < 172800:
        return f"{seconds / 3600:.1f} h"
    return f"{seconds / 86400:.0f} d"


def revival(services: list[str], running: bool, outside: bool) -> str:
    """What to do about servers that do not answer; a process that hangs is not helped by ``up``."""
    names = " ".join(services)
    if outside:
        return f"see to {names}: does it run, and may the replicas' network reach it"
    verb = "restart" if running else "up -d"
    return f"docker compose {verb} {names}\ndocker compose logs --tail 50 {names}"


def listing(names: list[str], most: int = 5) -> str:
    """At most ``most`` names, the rest as a number."""
    shown = ", ".join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
