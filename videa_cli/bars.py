"""A share as a bar."""

from __future__ import annotations

WIDTH = 10
_HIGH, _FULL = 0.8, 0.95


def bar(share: float, width: int = WIDTH) -> str:
    """A share 0..1 (more is shown as full) as a coloured bar with its percentage, in rich's markup."""
    held = min(max(share, 0.0), 1.0)
    filled = round(held * width)
    colour = "red" if share >= _FULL else "yellow" if share >= _HIGH else "green"
    return f"[{colour}]{'█' * filled}[/][dim]{'░' * (width - filled)}[/] {share:4.0%}"
