"""The data of `videa notify`, and the test that it requests from the agent."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ops.errors import ConfigError, UsageError
from ops.notify import queue
from ops.notify.message import DOCUMENT, Message, State, TargetState, TestResult
from ops.project.notify import TEST
from ops.project.settings import Receiver
from ops.rollout.operator import whoami
from ops.stack import Stack

PATIENCE = 60.0
"""Seconds that a test waits for the agent: its next check, and apprise's timeout for one message."""

PAUSE = 0.5
"""Seconds between two checks whether the agent has sent the test."""


@dataclass(frozen=True)
class Overview:
    """``sends``: whether an agent runs; ``receivers``: the targets in the Compose file."""

    sends: bool
    receivers: Mapping[str, Receiver]
    state: State

    def waiting(self, target: str) -> int:
        """Number of messages in the queue that the target has not received yet."""
        return sum(target in item.to for item in self.state.queue)


def overview(stack: Stack, sends: bool) -> Overview:
    """The status now. Raises EngineError."""
    return Overview(sends, stack.project.receivers, DOCUMENT.read(stack.store, stack.project.name))


def chosen(stack: Stack, target: str) -> tuple[str, ...]:
    """The targets of a test: the named one, or all. Raises ConfigError if there are none, UsageError."""
    receivers = stack.project.receivers
    if not receivers:
        raise ConfigError("x-videa.notify has no target", "add one to the Compose file: see docs/notify.md")
    if target and target not in receivers:
        raise UsageError(f"x-videa.notify has no target {target}", f"there are: {', '.join(receivers)}")
    return (target,) if target else tuple(receivers)


def test(
    stack: Stack,
    targets: Sequence[str],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> dict[str, TestResult | None]:
    """Has the agent send a test. Returns target -> its result, None if there was none in time.

    Raises EngineError.
    """
    store, project = stack.store, stack.project.name
    text = f"a test by {whoami()}: notifications of {project} arrive"
    message = Message(uuid.uuid4().hex[:16], time.time(), TEST, "info", "test", text)
    DOCUMENT.change(store, project, lambda state: queue.add_test(state, message, targets))
    deadline = clock() + PATIENCE
    while True:
        states = DOCUMENT.read(store, project).targets
        found = {name: _result(states.get(name), message.id) for name in targets}
        if all(found.values()):
            return found
        if clock() > deadline:
            DOCUMENT.change(store, project, lambda state: queue.without(state, message.id))
            return found
        sleep(PAUSE)


def _result(state: TargetState | None, id: str) -> TestResult | None:
    return state.test if state and state.test and state.test.id == id else None
