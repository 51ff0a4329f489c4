"""How to determine that a replica of an adopted service is ready: x-videa.health. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ops.adopt.answers import LIKELY, LIVE, READY, Answers
from ops.adopt.detect import Found, speaks_grpc
from ops.preflight import has_check
from ops.project.settings import Health
from ops.project.units import LONGEST, parse_duration

DEADLINE = Health().deadline

_MISSING = re.compile(r"\w: (?:command )?not found|executable file not found")
"""The message of a shell or of the engine if a health check's program is not in the image."""


def health_of(
    found: Found, port: int, answers: Answers | None, spec: Mapping[str, Any], fails: bool = False
) -> dict[str, Any]:
    """x-videa.health: a path that the running service answers, otherwise the one in Docker's health check on ``port``.

    Without a path, Docker's health check decides, if there is one; it may use a port that only the container reaches.
    ``fails``: that check fails now.
    """
    slow = {"deadline": deadline} if (deadline := _slow_start(spec)) else {}
    own = has_check(spec) and not fails
    if not answers:
        if found.check.path and found.check.port in (None, port):
            passes = {"expect": found.check.expect} if found.check.expect else {}
            return {"ready": found.check.path, **passes, **slow}
        return slow if own else {}
    # An answer at "/" is weaker evidence than Docker's own check.
    paths = (found.check.path, *LIKELY) if found.check.path else LIKELY
    telling = [path for path in paths if path != "/" or path == found.check.path or not own]
    headers = {"headers": dict(answers.headers)} if answers.headers else {}
    if ready := answers.well(telling):
        live = {"live": LIVE} if ready == READY and answers.well([LIVE]) else {}
        return {**live, "ready": ready, **headers, **slow}
    if own or speaks_grpc(spec):
        return slow
    if expect := answers.sign_in("/"):
        return {"ready": "/", "expect": expect, **headers, **slow}
    return {}


def check_fails(details: Mapping[str, Any]) -> bool:
    """Whether Docker's health check fails for a running container, or cannot run at all. ``details``: the engine's."""
    health = (details.get("State") or {}).get("Health") or {}
    last = (health.get("Log") or [{}])[-1]
    missing = last.get("ExitCode") and _MISSING.search(str(last.get("Output")))
    return health.get("Status") == "unhealthy" or bool(missing)


def _slow_start(spec: Mapping[str, Any]) -> str:
    """health.deadline for a service whose health check allows a longer start than x-videa's default; otherwise ""."""
    check = spec.get("healthcheck") or {}
    if not check.get("start_period"):
        return ""
    try:
        allowed = parse_duration(str(check["start_period"])) + DEADLINE
    except ValueError:
        return ""
    return f"{min(allowed, LONGEST):.0f}s" if allowed > DEADLINE + DEADLINE / 2 else ""
