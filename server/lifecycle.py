"""Whether the instance stays or leaves."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable

log = logging.getLogger("videa.lifecycle")


class Lifecycle:
    """Whether the instance is on its way out."""

    def __init__(self) -> None:
        self.draining = False
        self._stop = asyncio.Event()
        self.on_drain: list[Callable[[], None]] = []

    def request_stop(self) -> None:
        """First call: unready and draining. Second call: end now, whatever is in flight."""
        if self.draining:
            log.warning("second signal, ending at once")
            logging.shutdown()
            os._exit(1)
        self.draining = True
        self._stop.set()
        for notify in self.on_drain:
            notify()

    async def stop_requested(self) -> None:
        """Wait until the instance has to leave."""
        await self._stop.wait()
