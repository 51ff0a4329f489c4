"""Why a source or a check is skipped: neither good nor bad, and not an error."""

from __future__ import annotations

import traceback
from pathlib import Path

import msgspec

from ops.errors import VideaError


class Skip(Exception):
    """A source cannot be examined; the message is the reason, for the user."""


class BrokenOff(Skip):
    """A source began to answer, but its answer ended early."""


_EXPECTED = (Skip, OSError, msgspec.MsgspecError)
"""Errors of the environment: a missing source, a missing permission, an unexpected answer."""


def reason_of(error: Exception) -> str:
    """The reason for skipping a source, from the exception that its collector raised.

    Any exception other than Skip, VideaError and errors of the environment is a bug and reported as such: with the
    exception's name and location, but without its message, which may contain secrets.
    """
    if isinstance(error, VideaError):
        return error.message
    if isinstance(error, _EXPECTED):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"bug in videa: {type(error).__name__}{where}; --verbose shows more"


def trace_of(error: Exception) -> str:
    """The traceback of a bug; "" for any other exception."""
    if isinstance(error, (VideaError, *_EXPECTED)):
        return ""
    return "".join(traceback.format_exception(error))
