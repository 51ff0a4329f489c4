"""Runs blocking calls in separate threads, so that an engine that does not answer blocks nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from threading import Thread
from typing import ParamSpec, TypeVar

from ops.errors import EngineError

Given = ParamSpec("Given")
Answer = TypeVar("Answer")

MOST = 16
"""Maximum simultaneous calls: one for each loop of the page, and for each reader of logs or of the doctor's report."""


class Threads:
    """Runs blocking calls. asyncio's own pool has few threads, and shuts down only when all calls have ended."""

    def __init__(self) -> None:
        self._running = 0

    async def run(self, call: Callable[Given, Answer], *args: Given.args, **kwargs: Given.kwargs) -> Answer:
        """The result of the call. Raises what the call raises, and EngineError if too many calls are running.

        Cancelling the caller does not end the call, which counts as running until it returns.
        """
        if self._running >= MOST:
            raise EngineError(f"{MOST} requests to Docker have no answer yet", "see `docker info`")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer] = loop.create_future()

        def work() -> None:
            try:
                result = call(*args, **kwargs)
            except BaseException as error:
                self._give(loop, answer, partial(answer.set_exception, error))
            else:
                self._give(loop, answer, partial(answer.set_result, result))

        self._running += 1
        Thread(target=work, daemon=True).start()
        return await answer

    def _give(
        self, loop: asyncio.AbstractEventLoop, answer: asyncio.Future[Answer], settle: Callable[[], object]
    ) -> None:
        def end() -> None:
            self._running -= 1
            if not answer.done():
                settle()

        if not loop.is_closed():
            loop.call_soon_threadsafe(end)
