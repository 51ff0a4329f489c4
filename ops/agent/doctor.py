"""The duty that runs the doctor periodically: for trends over days, and to notify of new and resolved findings."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Set
from dataclasses import dataclass, field

from ops.errors import EngineError, PlanRefused
from ops.events import Emit
from ops.notify.message import DOCUMENT
from ops.platform.ports import Store
from ops.rollout.under_way import observe

EVERY = 300.0
"""Seconds between runs."""

LIMIT = 60.0
"""Maximum seconds for one run. It usually takes about 3; each of its sources has a shorter timeout."""

CONFIRM = 60.0
"""Seconds until a second run confirms new and resolved findings: only confirmed ones are notified."""

BUSY = 15.0
"""Seconds until the next try while an operation is under way."""

_COMMAND = (sys.executable, "-P", "-m", "videa_cli.doctor_run")


def pause(interval: float, before: Set[str], unconfirmed: Set[str]) -> float:
    """Seconds until the next run. ``before``, ``unconfirmed``: keys of unconfirmed findings before and after this run.

    Keys in both come from checks that only other runs include, such as ``videa doctor --notify``.
    """
    return min(interval, CONFIRM) if unconfirmed - before else interval


@dataclass
class DoctorRuns:
    """``check``: raises PlanRefused if the agent must do nothing; ``watches``: whether this process is the watcher.

    ``interval``: seconds between runs, and before the first one: a stack that is starting has no faults to report.
    """

    store: Store
    project: str
    check: Callable[[], object]
    watches: Callable[[], bool]
    interval: float = EVERY
    command: tuple[str, ...] = _COMMAND
    name: str = field(default="doctor", init=False)
    on_change: bool = field(default=False, init=False)
    every: float = field(default=EVERY, init=False)
    _waited: bool = field(default=False, init=False)
    _unconfirmed: frozenset[str] = field(default=frozenset(), init=False)

    def run(self, emit: Emit) -> None:
        """One run, unless an operation is in progress. Raises EngineError if it fails."""
        self.every = self.interval
        if not self._waited:
            self._waited = True
            return
        try:
            self.check()
        except PlanRefused:  # the health checks report it
            return
        if not self.watches():
            return
        if observe(self.store, self.project) != (None, None):
            self.every = min(BUSY, self.interval)
            return
        self._start()
        unconfirmed = frozenset(DOCUMENT.read(self.store, self.project).unconfirmed)
        self.every = pause(self.interval, self._unconfirmed, unconfirmed)
        self._unconfirmed = unconfirmed

    def _start(self) -> None:
        try:
            done = subprocess.run(
                [*self.command, self.project],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                timeout=LIMIT,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise EngineError(f"the doctor did not end within {LIMIT:g} s", "see why: videa doctor") from None
        if done.returncode:
            said = done.stderr.strip().splitlines()
            reason = said[-1][:300] if said else f"exit code {done.returncode}"
            raise EngineError(f"the doctor could not run: {reason}", "see why: videa doctor")
