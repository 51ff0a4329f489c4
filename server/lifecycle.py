"""The shutdown state of the instance."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable

log = logging.getLogger("videa.lifecycle")


class Lifecycle:
    """Whether the instance is stopping."""

    def __init__(self) -> None:
        self.draining = False
        self._stop = asyncio.Event()
        self.on_drain: list[Callable[[], None]] = []

    def request_stop(self) -> None:
        """First call: not ready and draining. Second call: exit now, even with requests in flight."""
        if self.draining:
            log.warning("second signal, exiting at once")
            logging.shutdown()
            os._exit(1)
        self.draining = True
        self._stop.set()
        for notify in self.on_drain:
            notify()

    async def stop_requested(self) -> None:
        """Wait until the instance must stop."""
        await self._stop.wait()
