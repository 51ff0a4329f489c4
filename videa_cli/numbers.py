"""Numbers on the command line. Python's int and float also accept "1_0", "nan", "1e9" and digits of any script."""

from __future__ import annotations

import re
from collections.abc import Callable

import typer

DIGITS = 9
"""A longer number is a mistake, and too large for a pause or for a container's log."""


def whole(least: int) -> Callable[[object], int]:
    """A parser for whole numbers from ``least``."""

    def number(given: object) -> int:
        text = str(given)
        if not re.fullmatch(rf"[0-9]{{1,{DIGITS}}}", text) or int(text) < least:
            raise typer.BadParameter(f"{text!r} is not a whole number from {least} to {10**DIGITS - 1}")
        return int(text)

    return number


def decimal(least: float) -> Callable[[object], float]:
    """A parser for numbers from ``least``, with or without decimals."""

    def number(given: object) -> float:
        text = str(given)
        if not re.fullmatch(rf"[0-9]{{1,{DIGITS}}}(?:\.[0-9]{{1,{DIGITS}}})?", text) or float(text) < least:
            raise typer.BadParameter(f"{text!r} is not a number from {least:g} to {10**DIGITS - 1}, such as 5 or 2.5")
        return float(text)

    return number
