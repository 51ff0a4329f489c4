"""Supervised background tasks: a task that fails is logged, counted, shown in /health and restarted."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

log = logging.getLogger("videa.background")

Work = Callable[[], Awaitable[None]]

_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 30.0
# Seconds without a failure until a task counts as sound again.
_SETTLED_SECONDS = 60.0
# Seconds until a task that has not ended is cancelled again.
_CANCEL_AGAIN = 0.5


@dataclass(slots=True)
class TaskState:
    """failures: number since the start of the instance. started: monotonic seconds. error: that of the last failure."""

    failures: int = 0
    started: float = 0.0
    status: str = "running"
    error: str | None = None

    @property
    def sound(self) -> bool:
        """False from a failure until the task has run for a minute, or has finished."""
        settled = self.status == "running" and time.monotonic() - self.started >= _SETTLED_SECONDS
        return self.error is None or self.status == "done" or settled

    def as_dict(self) -> dict[str, Any]:
        """As shown in /health."""
        shown: dict[str, Any] = {"status": self.status, "failures": self.failures}
        return shown if self.sound else shown | {"reason": self.error}


class Background:
    """The tasks of one application. first_pause, longest_pause: seconds before a failed task restarts."""

    def __init__(self, *, first_pause: float = _FIRST_PAUSE, longest_pause: float = _LONGEST_PAUSE) -> None:
        self._first_pause = first_pause
        self._longest_pause = longest_pause
        self.tasks: dict[str, TaskState] = {}

    @property
    def sound(self) -> bool:
        """Whether no task has failed recently."""
        return all(state.sound for state in self.tasks.values())

    @contextlib.asynccontextmanager
    async def running(self, name: str, work: Work) -> AsyncIterator[None]:
        """Keep the work running during the block; work that returns is not restarted."""
        self.tasks[name] = state = TaskState(started=time.monotonic())
        task = asyncio.create_task(self._supervise(name, work, state), name=name)
        try:
            yield
        finally:
            await _stop(task)

    async def _supervise(self, name: str, work: Work, state: TaskState) -> None:
        pause = self._first_pause
        while True:
            state.status, state.started = "running", time.monotonic()
            try:
                await work()
            except Exception as error:
                failure: BaseException = error
            except asyncio.CancelledError as error:
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    raise
                # A library cancelled its own work, not this task.
                failure = error
            else:
                state.status = "done"
                return
            if time.monotonic() - state.started >= _SETTLED_SECONDS:
                pause = self._first_pause
            state.failures += 1
            state.status, state.error = "restarting", f"{type(failure).__name__}: {failure}"
            log.error("background task failed", extra={"task": name, "restart_in": pause}, exc_info=failure)
            await asyncio.sleep(pause)
            pause = min(pause * 2, self._longest_pause)


async def _stop(task: asyncio.Task[None]) -> None:
    """Cancel the task and wait for its end.

    Before Python 3.12, asyncio.wait_for, which aiopg calls, loses a cancellation that comes together with the result.
    """
    while not task.done():
        task.cancel()
        await asyncio.wait({task}, timeout=_CANCEL_AGAIN)
