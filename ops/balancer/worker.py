"""A substitute for the balancer of a service that gets no requests: every replica of a worker counts as serving."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ops.events import Emit, discard
from ops.models import ExecResult
from ops.platform.ports import Permit, Platform
from ops.traffic import Applied, Look, Maintenance, Membership, Upstream


class NoLog:
    """The access log of a service without requests."""

    def __iter__(self) -> Iterator[bytes]:
        return iter(())

    def close(self) -> None:
        """Does nothing."""


class NoRequests:
    """``ops.platform.ports.Gateway`` of a worker. It remembers the list applied last, and changes nothing."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._listed: tuple[str, ...] = ()
        self._permit: Permit | None = None

    def guard(self, permit: Permit) -> None:
        """Calls ``permit`` immediately before each change."""
        self._permit = permit

    def membership(self, remembered: bool = False) -> Membership:
        """The replicas of the last ``apply``; before it, all of them."""
        return Membership(0, self._listed)

    def membership_and_ask(
        self, remembered: bool, command: list[str], environment: Mapping[str, str] | None = None
    ) -> tuple[Membership, ExecResult]:
        """``membership`` and ``ask``. Raises EngineError."""
        return self.membership(remembered), self.ask(command, environment)

    def look(self) -> Look:
        """An empty state, because there is no nginx."""
        return Look("", None, "")

    def remember(self, look: Look) -> None:
        """Does nothing, because there is no nginx."""

    def apply(self, upstream: Upstream, *more: Upstream) -> Applied:
        """Remembers the list. Raises like the permit."""
        if self._permit:
            self._permit()
        self._listed = upstream.servers
        return Applied(0, ())

    def maintain(self, maintenance: Maintenance | None) -> Applied:
        """A worker has no site that could be closed."""
        return Applied(0, ())

    def wait_drained(self, timeout: float, emit: Emit = discard) -> tuple[str, ...]:
        """A worker finishes its work after its stop signal."""
        return ()

    def ask(self, command: list[str], environment: Mapping[str, str] | None = None) -> ExecResult:
        """Runs a read-only command in one of the replicas; it fails if none is running. Raises EngineError."""
        running = next((replica for replica in self._platform.replicas() if replica.running), None)
        return (
            self._platform.ask(running.id, command, environment)
            if running
            else ExecResult(127, "no replica is running")
        )

    def log_tail(self, lines: int) -> bytes:
        """A worker has no access log."""
        return b""

    def follow_log(self) -> NoLog:
        """A worker has no access log."""
        return NoLog()
