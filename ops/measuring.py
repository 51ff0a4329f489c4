"""Measures the traffic during an operation, and records the result and what clients noticed."""

from __future__ import annotations

import time
from collections.abc import Callable

from ops.balancer.proof import Proof, TrafficProof
from ops.batch import Batch
from ops.errors import VideaError
from ops.events import Emit, LeftWaiting, OperationEnded
from ops.interrupts import settle
from ops.outcome import Outcome
from ops.recording import record_end
from ops.rollout import history
from ops.rollout.entries import Header
from ops.rollout.operator import whoami
from ops.route import Address
from ops.stack import Stack
from ops.steps import Plan


class Measuring:
    """Measures the operations of one command. ``proof``: the last operation's, None before its end."""

    def __init__(self, stack: Callable[[str], Stack], command: str, emit: Emit, automatic: bool = False) -> None:
        """``stack``: returns a service's stack ("": the default service's); ``command``: as typed, without secrets."""
        self._stack = stack
        self._command = command
        self._emit = emit
        self._automatic = automatic
        self.proof: Proof | None = None

    def run(self, plan: Plan, act: Callable[[], None], batch: Batch, action: str) -> Outcome:
        """Calls ``act`` while all traffic is measured, then writes the history. Raises the errors of ``act``.

        ``plan``: for all services. ``action``: its name in the history; if empty, the strategy of each request. Only
        ``act`` can be interrupted, so its result is always recorded and emitted.
        """
        started, result, left = time.monotonic(), "videa itself failed", ""
        site = self._stack("")
        traffic = TrafficProof(site.gateway, site.url, _entrances(site), site.on_the_host)
        traffic.start()
        try:
            act()
            result = history.DONE if batch.left is None else history.LEFT
        except VideaError as error:
            result = error.message
            left = error.aftermath.left.name.lower() if error.aftermath else ""
            raise
        finally:
            settle()
            self.proof = traffic.stop()
            seconds = time.monotonic() - started
            for header in batch.headers:
                ended = self._ended(header, action, result, seconds, left)
                stack = self._stack(header.service)
                record_end(stack, ended, header, self.proof, batch.verdicts, self._emit, self._automatic)
                if batch.left is None:
                    self._emit(ended)
            if batch.left:
                self._emit(LeftWaiting(batch.left))
        return Outcome(
            plan.redacted, seconds, self.proof, tuple(batch.verdicts), waiting=batch.left, idle=tuple(batch.idle)
        )

    def _ended(self, header: Header, action: str, result: str, seconds: float, left: str) -> OperationEnded:
        requests, failed = (self.proof.requests, self.proof.failed) if self.proof else (None, None)
        action = action or (header.request.strategy.value if header.request else "scale")
        release = header.target.release
        return OperationEnded(self._command, whoami(), action, release, result, seconds, left, requests, failed)


def _entrances(stack: Stack) -> list[Address]:
    """The addresses that the proof probes: one for each service with a running replica. Raises EngineError."""
    project, served = stack.project, stack.project.served
    if len(served) > 1:
        running = {container.service for container in stack.containers() if container.running}
        served = tuple(name for name in served if name in running)
    return [project.of(name).entrance for name in served] or [project.entrance]
