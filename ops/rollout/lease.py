"""A held lock: markers with an end of validity, renewed by a thread and removed at the end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TypeAlias

from ops.errors import EngineError, LockHeld
from ops.interrupts import change_begins, held
from ops.platform.ports import Store
from ops.rollout.fence import highest, take_number

LEASE = 20
"""Seconds for which a lock is valid after its last renewal."""

ROUNDING = 2.0
"""A lease allows no more changes this many seconds before its end by this process's clock.

The store's time has whole seconds, so another process may see the end this much earlier.
"""

RENEWAL = 4.0
"""Seconds between two renewals."""

PATIENCE = 30.0
"""Seconds for which retaking the change lock is retried while the engine does not answer."""

PAUSES = (0.5, 1.0, 2.0)
"""Seconds between two tries; the last value applies to all further tries."""

Clock: TypeAlias = Callable[[], float]


class Claim:
    """One marker of this process. ``clock`` + ``offset`` is the engine's time.

    ``number``: its fencing number in ``project``; 0 before ``take_number``.
    """

    def __init__(
        self, store: Store, name: str, labels: Mapping[str, str], marker_id: str, offset: float, clock: Clock
    ) -> None:
        self._store, self._name, self._labels, self._id = store, name, labels, marker_id
        self.project = ""
        self._offset, self._clock = offset, clock
        self._valid_until = 0.0
        self._mutex = threading.Lock()
        self._lost = self._released = False
        self.recreated = False
        self.number = 0

    @classmethod
    def make(cls, store: Store, name: str, labels: Mapping[str, str], offset: float, clock: Clock) -> Claim | None:
        """Creates the marker; None if another process has it. Raises EngineError."""
        begun = clock()
        marker_id = store.create(name, labels, int(begun + offset) + LEASE)
        if marker_id is None:
            return None
        claim = cls(store, name, labels, marker_id, offset, clock)
        claim._valid_until = begun + LEASE - ROUNDING
        return claim

    @property
    def valid(self) -> bool:
        """False as soon as another process may hold the marker."""
        return not self._lost and self._clock() <= self._valid_until

    def renew(self) -> bool:
        """Renews the marker once; False if it is no longer valid. Raises EngineError."""
        with held(), self._mutex:  # a signal before the id of a created marker is stored would lose the lock
            now = self._clock()
            if self._released:
                return True
            if now > self._valid_until:
                return False
            number = int(now + self._offset) + LEASE
            if not self._store.set_number(self._id, number):
                # `docker container prune` removes markers. If no prune removed this one, another process held the lock
                # meanwhile.
                taken_over = self.number and highest(self._store, self.project) > self.number
                marker_id = None if taken_over else self._store.create(self._name, self._labels, number)
                if marker_id is None:
                    self._lost = True
                    return False
                self._id, self.recreated = marker_id, True
            self._valid_until = now + LEASE - ROUNDING
            return True

    def take_number(self, project: str, above: int = 0) -> None:
        """Takes a fencing number above ``above``. Raises LockHeld if the marker is no longer valid then, EngineError.

        Another process that takes the lock after this check takes a larger number.
        """
        with held():
            self.project, self.number = project, take_number(self._store, project, above)
        if not self.renew():
            raise _lost()

    def release(self) -> bool:
        """Removes the marker; False if the engine does not answer: the marker then stays valid until it expires."""
        if not self._mutex.acquire(timeout=RENEWAL):
            return False
        try:
            with suppress(EngineError):
                self._store.remove(self._id)
                self._released = True
            return self._released
        finally:
            self._mutex.release()


class Lease:
    """A held lock. A process that has lost it must not make any more changes.

    ``change``: the claim on the change lock; ``operation``: on the operation lock, None for a brief change; ``retake``:
    takes ``change`` again, and raises LockHeld, EngineError.
    """

    def __init__(
        self,
        change: Claim,
        operation: Claim | None,
        retake: Callable[[], Claim],
        offset: float,
        clock: Clock,
    ) -> None:
        self._change: Claim | None = change
        self._operation = operation
        self._retake, self._offset, self._clock = retake, offset, clock
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep_renewing, name="videa-lease", daemon=True)

    @property
    def now(self) -> float:
        """The engine's time, as Unix time: a process that resumes this operation uses the same clock."""
        return self._clock() + self._offset

    def pruned(self) -> bool:
        """Whether markers were removed from outside, as `docker container prune` does. Raises EngineError."""
        self.renew()
        return self._operation is not None and self._operation.recreated

    def start(self) -> None:
        """Starts the renewals."""
        self._thread.start()

    def end(self) -> bool:
        """Releases the lock; False if the engine does not answer: the lock then expires."""
        self._ended.set()
        self._thread.join(RENEWAL)
        released = [claim.release() for claim in self._claims()]
        return all(released)

    def check(self) -> None:
        """Raises LockHeld if no change is allowed: the engine did not answer for too long, or the lock was taken."""
        if self._change is None or not all(claim.valid for claim in self._claims()):
            raise _lost()

    def permit(self, above: int = 0) -> int:
        """Checks the lock on the engine, and returns the number that a change carries.

        ``above``: the number of a change that this one must replace. It is larger than the lock's own number only if
        another process has taken the lock, or if the engine's numbers were lost: a new number is then taken. Raises
        LockHeld if no change is allowed, EngineError.
        """
        change = self._change
        if change is None or not self.renew():
            raise _lost()
        if change.number <= above:
            change.take_number(change.project, above)
        self.check()  # the process may have been stopped while it waited for the engine
        change_begins()
        return change.number

    def check_operation(self) -> None:
        """Raises LockHeld if another process may be carrying out this operation."""
        if not all(claim.valid for claim in self._claims()):
            raise _lost()

    @contextmanager
    def suspended(self, afterwards: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Releases the change lock during the block, then takes it again and calls ``afterwards``.

        Raises LockHeld if another operation then holds it or if this lease was lost, EngineError.
        """
        change = self._change
        released = self._operation is not None and change is not None and change.release()
        if released:
            self._change = None
        try:
            yield
        finally:
            if released and self._operation is not None and self._operation.valid:
                self._change = self._retake_patiently()
                afterwards()

    def renew(self) -> bool:
        """Renews the lock once; False if it is no longer valid. Raises EngineError."""
        renewed = [claim.renew() for claim in self._claims()]
        return all(renewed)

    def _claims(self) -> list[Claim]:
        return [claim for claim in (self._change, self._operation) if claim is not None]

    def _retake_patiently(self) -> Claim:
        deadline, pauses = self._clock() + PATIENCE, iter(PAUSES)
        pause = PAUSES[-1]
        while True:
            pause = next(pauses, pause)
            try:
                return self._retake()
            except EngineError:
                if self._clock() + pause > deadline:
                    raise
            time.sleep(pause)

    def _keep_renewing(self) -> None:
        while not self._ended.wait(RENEWAL):
            with suppress(EngineError):
                if not self.renew():
                    return


def _lost() -> LockHeld:
    return LockHeld(
        "this operation has lost its lock, so it stopped where it was",
        "see its present holder: videa lock status",
    )
