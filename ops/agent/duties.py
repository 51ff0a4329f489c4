"""The agent's duties and the loop that runs them. A new duty is a class with these members, listed in `videa agent`.

Each duty runs in its own thread, so a slow one does not delay the others. A failed round is reported and retried.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

from ops.errors import VideaError
from ops.events import Emit
from ops.notices import DutyFailed
from ops.platform.ports import Changes

BURST = 0.2
"""Seconds from a change to its round, so that the stop and the start of a restarted container cause only one round."""

REST = 0.5
"""Minimum seconds between rounds, however often containers change."""

RECONNECT = 5.0
"""Seconds between attempts to connect to the engine's events while the engine does not answer."""


class Duty(Protocol):
    """A task that the agent repeats.

    ``every``: seconds until the next round, read after each round; ``on_change``: also run when a container of the
    project changes.
    """

    @property
    def name(self) -> str: ...
    @property
    def every(self) -> float: ...
    @property
    def on_change(self) -> bool: ...
    def run(self, emit: Emit) -> None:
        """One round. May raise anything."""


@dataclass
class Agent:
    """Runs duties until ``stop``. ``changes``: connects to the events of the project's containers.

    ``beat``: called after each round, as a heartbeat.
    """

    duties: Sequence[Duty]
    changes: Callable[[], Changes]
    emit: Emit
    beat: Callable[[], None] = lambda: None
    _stopped: threading.Event = field(default_factory=threading.Event, init=False)
    _wakes: dict[str, threading.Event] = field(default_factory=dict, init=False)
    _followed: Changes | None = field(default=None, init=False)

    def run(self) -> None:
        """Returns after ``stop``, when the rounds in progress have ended."""
        self._wakes = {duty.name: threading.Event() for duty in self.duties}
        threads = [threading.Thread(target=self._keep, args=(duty,), name=f"videa-{duty.name}") for duty in self.duties]
        # A daemon thread: if the engine hangs, closing the connection does not end it.
        threading.Thread(target=self._follow, name="videa-changes", daemon=True).start()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def stop(self) -> None:
        """Ends ``run``, from any thread."""
        self._stopped.set()
        for wake in self._wakes.values():
            wake.set()
        if self._followed:
            self._followed.close()

    def wake(self, duty: str) -> None:
        """Starts a round of a duty now, from any thread."""
        if duty in self._wakes:
            self._wakes[duty].set()

    def _keep(self, duty: Duty) -> None:
        wake, failed = self._wakes[duty.name], ""
        while not self._stopped.is_set():
            wake.clear()
            reason = self._round(duty)
            if reason and reason != failed:
                self.emit(DutyFailed(duty.name, reason))
            failed = reason
            with suppress(OSError):
                self.beat()
            self._stopped.wait(REST)
            if wake.wait(max(0.0, duty.every - REST)):
                self._stopped.wait(BURST)

    def _round(self, duty: Duty) -> str:
        """Runs one round. Returns why it failed, "" if it did not."""
        try:
            duty.run(self.emit)
        except VideaError as error:
            return f"{error.message}; {error.hint}"
        except Exception as error:  # one duty must not stop the others
            return f"bug in videa: {error!r}"
        return ""

    def _follow(self) -> None:
        """Wakes the duties at each change, and after each connection, because changes before it were missed."""
        while not self._stopped.is_set():
            with suppress(VideaError):
                self._followed = self.changes()
                self._wake()
                for _ in self._followed:
                    self._wake()
            self._stopped.wait(RECONNECT)

    def _wake(self) -> None:
        for duty in self.duties:
            if duty.on_change:
                self._wakes[duty.name].set()
