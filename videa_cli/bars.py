"""A share as a bar."""

from __future__ import annotations

WIDTH, NARROW = 10, 5
_HIGH, _FULL = 0.8, 0.95


def bar(share: float, width: int = WIDTH) -> str:
    """A share 0..1 (larger values show as full) as a coloured bar with its percentage, in rich's markup.

    With width 0, only the percentage, in the bar's colour.
    """
    filled = round(min(max(share, 0.0), 1.0) * width)
    colour = "red" if share >= _FULL else "yellow" if share >= _HIGH else "green"
    if not width:
        return f"[{colour}]{share:4.0%}[/]"
    return f"[{colour}]{'█' * filled}[/][dim]{'░' * (width - filled)}[/] {share:4.0%}"
