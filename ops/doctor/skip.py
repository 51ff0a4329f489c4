"""Why a source could not be asked, or a check not be made: neither good nor bad, and no error."""

from __future__ import annotations

import traceback
from pathlib import Path

import msgspec

from ops.errors import VideaError


class Skip(Exception):
    """What was to be looked at cannot be; the message says why, in words for the operator."""


_EXPECTED = (Skip, OSError, msgspec.MsgspecError)
"""Raised by what is elsewhere: not there, not ours to ask, not what it should be."""


def reason_of(error: Exception) -> str:
    """Why a source is skipped, by what asking it raised.

    Anything but a Skip, a VideaError and what the machine refuses is a bug, and is told as one: by the exception's name
    and place, without its message, which may hold anything.
    """
    if isinstance(error, VideaError):
        return error.message
    if isinstance(error, _EXPECTED):
        return str(error)
    place = traceback.extract_tb(error.__traceback__)
    where = f" at {Path(place[-1].filename).name}:{place[-1].lineno}" if place else ""
    return f"bug in videa: {type(error).__name__}{where}; --verbose shows more"


def trace_of(error: Exception) -> str:
    """The traceback of a bug; "" for what is none."""
    if isinstance(error, (VideaError, *_EXPECTED)):
        return ""
    return "".join(traceback.format_exception(error))
