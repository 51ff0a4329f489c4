"""The option --at: a time of day, or a date and a time, in this machine's time zone."""

from __future__ import annotations

import re
import time
from datetime import datetime, timedelta

import typer

from videa_cli.detaching import in_job

LONGEST = timedelta(days=31)
"""The longest wait. A container waits until the start, and deploys what the Compose file says at that time."""

HINT = "write 03:00 for the next 3 o'clock, or 2026-12-01 03:00"


def parse_at(text: str, now: datetime) -> float:
    """Unix time. ``now``: local time, without a time zone. Raises ValueError."""
    if re.fullmatch(r"([01]?\d|2[0-3]):[0-5]\d", text):
        hour, minute = map(int, text.split(":"))
        moment = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
        return (moment if moment > now else moment + timedelta(days=1)).timestamp()
    if not re.match(r"\d{4}-\d\d-\d\d[ T]\d", text):
        raise ValueError(f"{text!r} is no time; {HINT}")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"{text!r} is no time; {HINT}") from None
    try:
        seconds = moment.timestamp() - now.timestamp()
    except (OverflowError, ValueError):  # the years 1 and 9999, in time zones far from UTC
        raise ValueError(f"{text!r} is no time; {HINT}") from None
    if seconds <= 0:
        raise ValueError(f"{text!r} is in the past")
    if seconds > LONGEST.total_seconds():
        raise ValueError(f"{text!r} is in more than {LONGEST.days} days")
    return moment.timestamp()


def at(text: str | float) -> float:
    """The parser of the option and of its default 0.0. In a job, the time has already come."""
    if not isinstance(text, str):
        return text
    if in_job():
        return time.time()
    try:
        return parse_at(text, datetime.now())
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
