"""Waits until no operation of another process is under way, for callers that would be refused, such as CI."""

from __future__ import annotations

import time

from ops.interrupts import allowed
from ops.platform.ports import Store
from ops.rollout.journal import Journal
from ops.rollout.lock import Lock

INTERVAL = 0.5
"""Seconds between two queries."""


def await_free(store: Store, project: str, until: float) -> None:
    """Returns when the locks are free and no operation waits, at the latest at ``until`` (monotonic clock).

    Raises EngineError.
    """
    lock, journal = Lock(store, project), Journal(store, project)
    while time.monotonic() < until:
        state = journal.read()
        if lock.active_holder() is None and not (state and state.waiting):
            return
        with allowed():
            time.sleep(INTERVAL)
