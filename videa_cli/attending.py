"""Runs duties in the foreground until Ctrl-C or `docker stop`, which let a change that has started complete."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from ops.agent.duties import Agent
from ops.agent.watcher import Watcher
from ops.errors import EngineError
from ops.interrupts import held


def attend(agent: Agent, watcher: Watcher) -> None:
    """Returns after a signal, when the rounds under way have ended and the record of the watcher is removed."""
    with ThreadPoolExecutor(max_workers=1) as worker:
        running = worker.submit(agent.run)
        try:
            running.result()
        except KeyboardInterrupt:
            pass
        finally:
            with held():
                agent.stop()
                running.result()
                with suppress(EngineError):
                    watcher.release()
