"""Starting replicas while others are still stopping."""

from __future__ import annotations

import os
import signal
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from ops.interrupts import allowed, held
from ops.rollout.starting import start_replicas
from ops.rollout.stopping import Stopping
from ops.steps import Target
from tests.unit.ops.fakes import fake_stack


class InterruptedOnEntry:
    """Enters another context manager, and is interrupted before its own __enter__ returns."""

    def __init__(self, inner: AbstractContextManager[None]) -> None:
        self.inner = inner

    def __enter__(self) -> None:
        self.inner.__enter__()
        os.kill(os.getpid(), signal.SIGINT)

    def __exit__(self, *error: object) -> bool | None:
        return self.inner.__exit__(*error)  # type: ignore[arg-type]


def test_ctrl_c_at_any_moment_does_not_block_the_stopping_replicas(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stack = fake_stack(tmp_path)
    stopping = Stopping(stack.platform, lambda: None)
    paused = stopping.paused
    monkeypatch.setattr(stopping, "paused", lambda: InterruptedOnEntry(paused()))
    with held(), pytest.raises(KeyboardInterrupt) as interrupted, allowed():
        start_replicas(stack, 1, Target("new", "app:new"), stopping, [], lambda above=0: 1)
    # The frames of the exception exist while it is handled, which is when the rollback runs.
    assert interrupted.value
    assert stopping._removal.acquire(timeout=1)
    assert stack.platform.names() == ["shop-app-1", "shop-app-2"]
