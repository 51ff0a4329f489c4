"""The duty that runs the doctor periodically: for trends over days, and to notify about new and gone findings."""

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
"""Seconds between two runs."""

LIMIT = 60.0
"""Seconds for one run. It takes about 3; each of its sources has a shorter time-out."""

CONFIRM = 60.0
"""Seconds until the second run, which confirms what is new or gone: only then is it reported."""

BUSY = 15.0
"""Seconds until the next try while an operation is under way."""

_COMMAND = (sys.executable, "-P", "-m", "videa_cli.doctor_run")


def pause(interval: float, before: Set[str], unconfirmed: Set[str]) -> float:
    """Seconds until the next run. ``before``, ``unconfirmed``: keys that wait for a second look, before and after this.

    What waited before as well is of checks that only other runs have, such as those of ``videa doctor --notify``.
    """
    return min(interval, CONFIRM) if unconfirmed - before else interval


@dataclass
class DoctorRuns:
    """``check``: raises PlanRefused if the agent must do nothing; ``watches``: whether this process has to watch.

    ``interval``: seconds between two runs. The first one comes after that time: a stack that starts is not ill.
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
        """One run, if no operation is under way. Raises EngineError if it fails."""
        self.every = self.interval
        if not self._waited:
            self._waited = True
            return
        try:
            self.check()
        except PlanRefused:  # the health checks say so
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
