"""The numbers of the command line. Python's int and float also take "1_0", "nan", "1e9" and digits of any script."""

from __future__ import annotations

import re
from collections.abc import Callable

import typer

DIGITS = 9
"""What has more is a mistake, and further on too large for a pause or a container's log."""


def whole(least: int) -> Callable[[object], int]:
    """Reads a whole number from ``least`` up."""

    def number(given: object) -> int:
        text = str(given)
        if not re.fullmatch(rf"[0-9]{{1,{DIGITS}}}", text) or int(text) < least:
            raise typer.BadParameter(f"{text!r} is not a whole number from {least} to {10**DIGITS - 1}")
        return int(text)

    return number


def decimal(least: float) -> Callable[[object], float]:
    """Reads a number with or without decimals from ``least`` up."""

    def number(given: object) -> float:
        text = str(given)
        if not re.fullmatch(rf"[0-9]{{1,{DIGITS}}}(?:\.[0-9]{{1,{DIGITS}}})?", text) or float(text) < least:
            raise typer.BadParameter(f"{text!r} is not a number from {least:g} to {10**DIGITS - 1}, such as 5 or 2.5")
        return float(text)

    return number
