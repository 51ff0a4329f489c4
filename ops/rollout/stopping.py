"""Stops drained replicas during the next steps: a replica that ignores its stop signal takes its full grace period."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager

from ops.platform.ports import Platform

MAX_PARALLEL = 64
"""Replicas that are stopped at the same time."""

BEHIND = 4
"""Replicas that may still be stopping when the next step starts: each uses memory and connections until it exits."""

MOST_BEHIND = 32
"""The same if memory and connections are known to be enough: one that ignores its stop signal delays nothing."""


class Stopping:
    """The replicas that are being stopped and removed. ``begun``: all their names, including removed ones.

    A replica that could not be stopped is no longer included. ``faults``: of ``pre_stop`` hooks; they stop nothing.
    """

    def __init__(
        self,
        platform: Platform,
        permit: Callable[[], None],
        behind: int = BEHIND,
        earlier: Stopping | None = None,
    ) -> None:
        """``permit``: raises if the lock is lost; ``behind``: number that may be stopping when ``begin`` returns.

        ``earlier``: of the service that the operation has changed before, whose replicas may still be stopping.
        """
        self._platform = platform
        self.permit = permit
        self._behind = behind
        self._earlier = earlier
        self._pool = ThreadPoolExecutor(MAX_PARALLEL, thread_name_prefix="videa-stop")
        self._pending: deque[tuple[str, Future[None]]] = deque()
        self._removal = threading.Lock()
        self.begun: set[str] = set()
        self.faults: deque[str] = earlier.faults if earlier else deque()

    @property
    def pending(self) -> bool:
        """Whether some may still be stopping, also of earlier services."""
        return self._left > 0

    @property
    def _left(self) -> int:
        return len(self._pending) + (self._earlier._left if self._earlier else 0)

    def begin(self, names: Iterable[str]) -> None:
        """Starts to stop replicas, and waits until at most ``behind`` are left. Raises EngineError."""
        for name in names:
            self.begun.add(name)
            self._pending.append((name, self._pool.submit(self._stop_and_remove, name)))
        self._await(self._behind)

    def make_room(self) -> None:
        """Waits until at most ``behind`` of all services are left: others start next. Raises LockHeld, EngineError."""
        self._reduce(self._behind)

    def stop(self, names: Iterable[str]) -> None:
        """Stops replicas without removing them, all at the same time. Raises LockHeld, EngineError."""
        stopped = [self._pool.submit(self._stop, name) for name in names]
        wait(stopped)
        for each in stopped:
            each.result()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Removes no replica during the block, so that the number of containers does not change."""
        with self._removal:
            yield

    def wait(self) -> None:
        """Returns when none is being stopped. Raises LockHeld, or EngineError if a stop failed."""
        self._reduce(0)

    def _reduce(self, left: int) -> None:
        """Waits until at most ``left`` are left, of all services, the earliest first."""
        if self._earlier:
            self._earlier._reduce(max(0, left - len(self._pending)))
            left -= self._earlier._left
        self._await(left)

    def _await(self, left: int) -> None:
        while len(self._pending) > left:
            name, stopped = self._pending[0]
            wait([stopped])  # if interrupted here, the stop is still pending
            self._pending.popleft()
            if stopped.exception():
                self.begun.discard(name)
            stopped.result()

    def _stop(self, name: str) -> None:
        self.permit()
        if fault := self._platform.stop(name):
            self.faults.append(fault)

    def _stop_and_remove(self, name: str) -> None:
        self._stop(name)
        with self._removal:
            self.permit()
            self._platform.discard(name)  # not if something else has started it again
