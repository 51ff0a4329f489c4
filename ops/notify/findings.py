"""Queues the doctor's new and gone findings, for the agent to send."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from msgspec.structs import replace

from ops.notify import queue, told
from ops.notify.message import DOCUMENT, Findings, State
from ops.platform.ports import Store
from ops.project.config import Project


def compared(
    store: Store, project: Project, found: Mapping[str, tuple[str, str]], checked: Collection[str], now: float
) -> None:
    """Compares a complete run with what was reported, and with the one before.

    ``found``, ``checked``: see ``told.of_findings``. Raises EngineError.
    """
    receivers = project.receivers

    def by(before: State) -> State:
        seen = Findings(before.findings or {}, before.unconfirmed)
        after, messages = told.of_findings(seen, found, checked, now)
        state = replace(before, findings=after.told, unconfirmed=after.unconfirmed)
        return queue.add(state, messages, receivers, now)

    DOCUMENT.change(store, project.name, by)
