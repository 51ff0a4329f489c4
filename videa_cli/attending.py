"""Runs something in the foreground until Ctrl-C or `docker stop`, which let a started change complete."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from ops.errors import EngineError
from ops.interrupts import allowed, held


def attend(run: Callable[[], object], stop: Callable[[], object], end: Callable[[], object] = lambda: None) -> None:
    """After a signal, calls ``stop``, waits until ``run`` has returned, and calls ``end``.

    ``run``: is called in another thread, because a signal interrupts the main one.
    """
    with held(), ThreadPoolExecutor(max_workers=1) as worker:
        running = worker.submit(run)
        try:
            with allowed():
                running.result()
        except KeyboardInterrupt:
            pass
        finally:
            stop()
            running.result()
            with suppress(EngineError):
                end()
