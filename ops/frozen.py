"""Refuses a deploy in a freeze window of x-videa.freeze. Rollbacks and aborts are never refused."""

from __future__ import annotations

from collections.abc import Collection
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ops.errors import ConfigError, PlanRefused
from ops.project.config import Project
from ops.project.freeze import end_of


def check_all(project: Project, services: Collection[str], now: float) -> None:
    """Checks the services of a deploy. Raises like ``check_not_frozen``, and UsageError."""
    for name in services:
        check_not_frozen(project.of(name), now)


def check_not_frozen(project: Project, now: float) -> None:
    """``now``: Unix time of the deploy. Raises PlanRefused in a window, ConfigError for an unknown time zone."""
    for window in project.settings.freeze:
        try:
            zone = ZoneInfo(window.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ConfigError(
                f"x-videa.freeze: this machine does not know the time zone {window.timezone!r}",
                "write it as Europe/Budapest, or install the package tzdata",
            ) from error
        if end := end_of(window.begin, window.to, window.days, zone, now):
            raise PlanRefused(
                f"{project.settings.service} is frozen until {end:%Y-%m-%d %H:%M} {window.timezone}: "
                f"x-videa.freeze has {window}",
                "deploy later, for example with --at, or with --despite-freeze; "
                "videa rollback, abort, promote and deploy --resume are never frozen",
            )
