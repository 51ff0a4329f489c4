"""Writes what the rounds of a service have decided: immediately if it is new, otherwise periodically."""

from __future__ import annotations

from dataclasses import dataclass, field

from msgspec.structs import replace

from ops.autoscale import state
from ops.autoscale.decide import Decision
from ops.autoscale.explain import reason
from ops.autoscale.past import Past
from ops.autoscale.state import LONGEST, Made, ServiceState
from ops.platform.ports import Store

WRITE = 15.0
"""Seconds between heartbeat writes of an unchanged state: each write replaces a volume of the engine."""


@dataclass
class Record:
    """The record of one service. ``_written``: its content at the last write."""

    store: Store
    project: str
    service: str
    _written: ServiceState = field(default_factory=ServiceState, init=False)

    def decided(self, decision: Decision, past: Past, made: Made | None = None) -> None:
        """Writes a round, and ``made`` if it is a new decision. Raises EngineError."""
        limit = decision.stopped_by
        name = limit.name if limit else ""
        now = decision.desired if made and made.result == "done" else decision.now
        shown = ServiceState(now=now, desired=decision.desired, limit=name)
        if made is None and not self._is_news(shown, decision.time):
            return

        def change(present: ServiceState) -> ServiceState:
            after = replace(
                present,
                looked=decision.time,
                now=now,
                desired=decision.desired,
                reason=reason(decision)[:LONGEST],
                limit=name,
                waits="",
            ).with_past(past)
            self._written = after.with_made(made) if made else after
            return self._written

        state.change(self.store, self.project, self.service, change)

    def waits(self, why: str, time: float) -> bool:
        """Writes why there is no decision. Returns whether the reason is new. Raises EngineError."""
        new = self._written.waits != why
        if new or time - self._written.looked >= WRITE:

            def change(present: ServiceState) -> ServiceState:
                self._written = replace(present, looked=time, waits=why)
                return self._written

            state.change(self.store, self.project, self.service, change)
        return new

    def is_last(self, made: Made) -> bool:
        """Whether the last decision was the same, apart from its time and figures."""
        last = self._written.made[-1] if self._written.made else None
        return last is not None and (last.now, last.desired, last.result) == (made.now, made.desired, made.result)

    def _is_news(self, shown: ServiceState, time: float) -> bool:
        last = self._written
        same = (last.now, last.desired, last.limit, last.waits) == (shown.now, shown.desired, shown.limit, "")
        return not same or time - last.looked >= WRITE
