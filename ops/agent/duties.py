"""The agent's duties, and the loop that runs them. A new one is a class with these members, listed in `videa agent`.

Each duty runs in a thread of its own, so a slow one delays no other. One that raises is reported and tried again.
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
"""Seconds after a change before a round: a container that restarts dies and starts, and both are one round."""

REST = 0.5
"""Seconds between two rounds at least, however fast containers change."""

RECONNECT = 5.0
"""Seconds between two tries to follow the changes of containers, while the engine does not answer."""


class Duty(Protocol):
    """Something that the agent does again and again.

    ``every``: seconds until the next round, read after each round; ``on_change``: also run when a container of the
    project has changed.
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
    """Runs duties until ``stop``. ``changes``: connects to the changes of the project's containers.

    ``beat``: called after each round, as a sign of life.
    """

    duties: Sequence[Duty]
    changes: Callable[[], Changes]
    emit: Emit
    beat: Callable[[], None] = lambda: None
    _stopped: threading.Event = field(default_factory=threading.Event, init=False)
    _wakes: dict[str, threading.Event] = field(default_factory=dict, init=False)
    _followed: Changes | None = field(default=None, init=False)

    def run(self) -> None:
        """Returns after ``stop``, when the rounds that were under way have ended."""
        self._wakes = {duty.name: threading.Event() for duty in self.duties}
        threads = [threading.Thread(target=self._keep, args=(duty,), name=f"videa-{duty.name}") for duty in self.duties]
        # A daemon: closing its connection does not end it if the engine hangs.
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
        """Why a round has failed; "" if it has not."""
        try:
            duty.run(self.emit)
        except VideaError as error:
            return f"{error.message}; {error.hint}"
        except Exception as error:  # one duty must not end the others
            return f"bug in videa: {error!r}"
        return ""

    def _follow(self) -> None:
        """Wakes the duties at each change, and after each connection: what happened before it was not seen."""
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
