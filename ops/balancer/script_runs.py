"""Runs the scripts in nginx's container, and retries while it restarts."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ops.balancer import scripts
from ops.errors import BalancerError, EngineError, EngineUnreachable
from ops.models import ExecResult
from ops.platform.ports import Platform

RESTART_GRACE = 15.0
"""Seconds to wait for nginx's container if it restarts during a change."""

RESTART_POLL = 0.2

ENDED = (-1, 126, 128, 129, 137, 143)
"""Exit codes of an exec that ended with its container, or started just after the container's end."""


class ContainerEnded(BalancerError):
    """The container ended while a script ran in it."""


@dataclass(frozen=True)
class ScriptRuns:
    """Runs scripts in one container. ``name``: its name or id."""

    platform: Platform
    name: str

    def look(self, number: str, beside: Sequence[str] = (), environment: Mapping[str, str] | None = None) -> ExecResult:
        """Runs LOOK. Retries while nginx's container exits and restarts, and if a busy engine lost the output.

        ``number``: the number that LOOK registers. ``beside``: a command to run after LOOK, with ``environment``.
        Raises BalancerError like ``run``.
        """
        script = scripts.LOOK_AND_RUN if beside else scripts.LOOK
        deadline = time.monotonic() + RESTART_GRACE
        while True:
            try:
                answer = self.run(script, number, *beside, environment=environment)
                if answer.output.strip() or time.monotonic() > deadline:  # a shell without nginx prints an error
                    return answer
            except ContainerEnded:
                if time.monotonic() > deadline:
                    raise
            time.sleep(RESTART_POLL)

    def run(
        self,
        script: str,
        *arguments: str,
        permit: Callable[[], int] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> ExecResult:
        """Runs one of the scripts; ``permit``: called at each try, returns the last argument.

        Raises BalancerError if the container is not running or ends in the meantime.
        """
        deadline = time.monotonic() + RESTART_GRACE
        run = self.platform.ask if script in (scripts.LOOK, scripts.LOOK_AND_RUN) else self.platform.exec
        while True:
            number = (str(permit()),) if permit else ()
            try:
                command = ["sh", "-c", script, "videa", *arguments, *number]
                answer = run(self.name, command, environment=environment)
            except EngineUnreachable:
                raise
            except EngineError as error:
                if "is restarting" in error.message and time.monotonic() < deadline:
                    time.sleep(RESTART_POLL)
                    continue
                reason = "is not running" if "is not running" in error.message else f"cannot be used: {error.message}"
                raise BalancerError(
                    f"nginx's container {reason}",
                    "start it: docker compose up -d nginx; its log shows why it ended: docker compose logs nginx",
                    error.detail,
                ) from error
            if answer.code in ENDED:
                raise ContainerEnded(
                    "nginx's container ended in the meantime",
                    "its log shows why: docker compose logs nginx",
                    answer.output,
                )
            return answer
