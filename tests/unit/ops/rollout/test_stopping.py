"""Replicas that stop beside the next steps."""

from __future__ import annotations

import threading

import pytest

from ops.errors import EngineError
from ops.rollout.stopping import Stopping


class Grace:
    """Stops of replicas that end when they are let go."""

    def __init__(self) -> None:
        self.ends: dict[str, threading.Event] = {}
        self.removed: list[str] = []
        self.lock = threading.Lock()

    def stop(self, name: str) -> None:
        with self.lock:
            event = self.ends.setdefault(name, threading.Event())
        assert event.wait(10)
        if name.startswith("stuck"):
            raise EngineError(f"Docker could not stop {name}", "see its log")

    def remove(self, name: str) -> None:
        self.removed.append(name)

    def end(self, name: str) -> None:
        with self.lock:
            self.ends.setdefault(name, threading.Event()).set()


@pytest.fixture
def grace() -> Grace:
    return Grace()


def test_the_next_step_goes_on_while_some_are_still_stopping(grace: Grace) -> None:
    behind = Stopping(grace, lambda: None, behind=2)  # type: ignore[arg-type]
    behind.begin(["a", "b"])  # returns, though neither has ended
    assert behind.pending
    assert grace.removed == []
    for name in "ab":
        grace.end(name)
    behind.wait()
    assert sorted(grace.removed) == ["a", "b"]
    assert not behind.pending


def test_all_stop_at_the_same_time_and_the_bound_is_held(grace: Grace) -> None:
    behind = Stopping(grace, lambda: None, behind=1)  # type: ignore[arg-type]
    for name in "cab":
        grace.end(name)
    behind.begin(["a", "b", "c", "last"])
    assert {"a", "b", "c"} <= set(grace.removed)
    grace.end("last")
    behind.wait()
    assert behind.begun == {"a", "b", "c", "last"}


def test_one_that_cannot_be_stopped_is_told_at_the_latest_at_the_end(grace: Grace) -> None:
    behind = Stopping(grace, lambda: None)  # type: ignore[arg-type]
    behind.begin(["stuck", "fine"])
    for name in ("stuck", "fine"):
        grace.end(name)
    with pytest.raises(EngineError, match="could not stop stuck"):
        behind.wait()
    behind.wait()
    assert grace.removed == ["fine"]
