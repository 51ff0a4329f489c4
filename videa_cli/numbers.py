"""Numbers on the command line. Python's int and float also accept "1_0", "nan", "1e9" and digits of any script."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

import typer

N = TypeVar("N", int, float)

DIGITS = 9
"""Maximum digits: a longer number is a mistake, and too large for a pause or for a container's log."""


def whole(least: int) -> Callable[[object], int]:
    """A parser for whole numbers from ``least``."""
    return _parser(int, rf"[0-9]{{1,{DIGITS}}}", least, "a whole number from {0} to {1}")


def decimal(least: float) -> Callable[[object], float]:
    """A parser for numbers from ``least``, with or without decimals."""
    pattern = rf"[0-9]{{1,{DIGITS}}}(?:\.[0-9]{{1,{DIGITS}}})?"
    return _parser(float, pattern, least, "a number from {0:g} to {1}, such as 5 or 2.5")


def _parser(kind: Callable[[str], N], pattern: str, least: float, wanted: str) -> Callable[[object], N]:
    def number(given: object) -> N:
        text = str(given)
        if not re.fullmatch(pattern, text) or (value := kind(text)) < least:
            raise typer.BadParameter(f"{text!r} is not {wanted.format(least, 10**DIGITS - 1)}")
        return value

    return number
