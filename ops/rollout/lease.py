"""What whoever holds a lock has in hand: markers with an end, prolonged by a thread, given back at the end."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TypeAlias

from ops.errors import CONTINUE, EngineError, LockHeld
from ops.platform.ports import Store

LEASE = 20
"""Seconds that a lock outlives its holder's last sign of life."""

RENEWAL = 4.0
"""Seconds between two signs of life."""

PATIENCE = 30.0
"""Seconds for which an engine that does not answer is asked again for what was given back."""

PAUSES = (0.5, 1.0, 2.0)
"""Seconds between two tries; the last for all further ones."""

Clock: TypeAlias = Callable[[], float]


class Claim:
    """One marker that this process has. ``clock`` + ``offset`` is the engine's time."""

    def __init__(
        self, store: Store, name: str, labels: Mapping[str, str], marker_id: str, offset: float, clock: Clock
    ) -> None:
        self._store, self._name, self._labels, self._id = store, name, labels, marker_id
        self._offset, self._clock = offset, clock
        self._valid_until = 0.0
        self._mutex = threading.Lock()
        self._lost = self._given_back = False
        self.made_again = False

    @classmethod
    def make(cls, store: Store, name: str, labels: Mapping[str, str], offset: float, clock: Clock) -> Claim | None:
        """Makes the marker; None when another process has it. Raises EngineError."""
        begun = clock()
        made = store.create(name, labels, int(begun + offset) + LEASE)
        if made is None:
            return None
        claim = cls(store, name, labels, made, offset, clock)
        claim._valid_until = begun + LEASE
        return claim

    @property
    def valid(self) -> bool:
        """False once somebody else may have it."""
        return not self._lost and self._clock() <= self._valid_until

    def renew(self) -> bool:
        """Prolongs it once; False when it cannot be any more. Raises EngineError."""
        with self._mutex:
            now = self._clock()
            if self._given_back:
                return True
            if now > self._valid_until:
                return False
            number = int(now + self._offset) + LEASE
            if not self._store.set_number(self._id, number):
                # `docker container prune` takes it for a leftover.
                made = self._store.create(self._name, self._labels, number)
                if made is None:
                    self._lost = True
                    return False
                self._id, self.made_again = made, True
            self._valid_until = now + LEASE
            return True

    def give_back(self) -> bool:
        """Removes the marker; False when the engine does not answer: it is then held until its end."""
        if not self._mutex.acquire(timeout=RENEWAL):
            return False
        try:
            with suppress(EngineError):
                self._store.remove(self._id)
                self._given_back = True
            return self._given_back
        finally:
            self._mutex.release()


class Lease:
    """A lock that is held; whoever has lost it is to stop where it is.

    ``change``: the right to change something; ``attendance``: to carry out an operation, None for what is brief;
    ``retake``: takes ``change`` anew, and raises LockHeld, EngineError.
    """

    def __init__(
        self,
        change: Claim,
        attendance: Claim | None,
        retake: Callable[[], Claim],
        offset: float,
        clock: Clock,
    ) -> None:
        self._change: Claim | None = change
        self._attendance = attendance
        self._retake, self._offset, self._clock = retake, offset, clock
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._prolong, name="videa-lease", daemon=True)

    @property
    def now(self) -> float:
        """The engine's time, Unix time: the one clock that whoever takes up this operation has too."""
        return self._clock() + self._offset

    def pruned(self) -> bool:
        """Whether somebody has cleared away markers meanwhile, as `docker container prune` does. Raises EngineError."""
        self.renew()
        return self._attendance is not None and self._attendance.made_again

    def start(self) -> None:
        """Begins to prolong it."""
        self._thread.start()

    def end(self) -> bool:
        """Gives all of it back; False when the engine does not answer: it then ends by itself."""
        self._ended.set()
        self._thread.join(RENEWAL)
        given_back = [claim.give_back() for claim in self._claims()]
        return all(given_back)

    def check(self) -> None:
        """Raises LockHeld unless something may be changed: the engine did not answer for long, or it was taken away."""
        if self._change is None or not all(claim.valid for claim in self._claims()):
            raise _lost()

    def check_attended(self) -> None:
        """Raises LockHeld when somebody else may carry out this operation by now."""
        if not all(claim.valid for claim in self._claims()):
            raise _lost()

    @contextmanager
    def suspended(self, afterwards: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Lets others change something in the block; then takes the right to it back, and calls ``afterwards``.

        Raises LockHeld when another operation has it then, or this one was lost, and EngineError.
        """
        change = self._change
        given = self._attendance is not None and change is not None and change.give_back()
        if given:
            self._change = None
        try:
            yield
        finally:
            if given and self._attendance is not None and self._attendance.valid:
                self._change = self._taken_back()
                afterwards()

    def renew(self) -> bool:
        """Prolongs it once; False when it cannot be any more. Raises EngineError."""
        renewed = [claim.renew() for claim in self._claims()]
        return all(renewed)

    def _claims(self) -> list[Claim]:
        return [claim for claim in (self._change, self._attendance) if claim is not None]

    def _taken_back(self) -> Claim:
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

    def _prolong(self) -> None:
        while not self._ended.wait(RENEWAL):
            with suppress(EngineError):
                if not self.renew():
                    return


def _lost() -> LockHeld:
    return LockHeld(
        "this operation has lost its lock, so it stopped where it was",
        f"see who has it: videa lock status; then {CONTINUE}",
    )
