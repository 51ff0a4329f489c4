"""Replicas that stop during the next steps."""

from __future__ import annotations

import threading

import pytest

from ops.errors import EngineError
from ops.rollout.stopping import Stopping


class Grace:
    """A platform whose stops complete when the test ends them."""

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

    def discard(self, name: str) -> None:
        self.removed.append(name)

    def end(self, name: str) -> None:
        with self.lock:
            self.ends.setdefault(name, threading.Event()).set()


@pytest.fixture
def grace() -> Grace:
    return Grace()


def test_the_next_step_runs_while_some_replicas_are_still_stopping(grace: Grace) -> None:
    stopping = Stopping(grace, lambda: None, behind=2)  # type: ignore[arg-type]
    stopping.begin(["a", "b"])  # returns although neither stop is complete
    assert stopping.pending
    assert grace.removed == []
    for name in "ab":
        grace.end(name)
    stopping.wait()
    assert sorted(grace.removed) == ["a", "b"]
    assert not stopping.pending


def test_all_stop_at_the_same_time_up_to_the_limit(grace: Grace) -> None:
    stopping = Stopping(grace, lambda: None, behind=1)  # type: ignore[arg-type]
    for name in "cab":
        grace.end(name)
    stopping.begin(["a", "b", "c", "last"])
    assert {"a", "b", "c"} <= set(grace.removed)
    grace.end("last")
    stopping.wait()
    assert stopping.begun == {"a", "b", "c", "last"}


def test_36_replicas_that_ignore_their_stop_signal_take_one_grace_period(grace: Grace) -> None:
    names = [f"app-{number}" for number in range(36)]
    together = threading.Barrier(len(names), timeout=10)
    grace.stop = lambda name: together.wait() and None  # type: ignore[assignment,method-assign,return-value]
    stopping = Stopping(grace, lambda: None)  # type: ignore[arg-type]
    stopping.begin(names)
    stopping.wait()  # raises if fewer are stopped at the same time
    assert sorted(grace.removed) == sorted(names)


def test_a_failed_stop_is_raised_at_the_end_at_the_latest(grace: Grace) -> None:
    stopping = Stopping(grace, lambda: None)  # type: ignore[arg-type]
    stopping.begin(["stuck", "fine"])
    for name in ("stuck", "fine"):
        grace.end(name)
    with pytest.raises(EngineError, match="could not stop stuck"):
        stopping.wait()
    stopping.wait()
    assert grace.removed == ["fine"]


def test_the_replicas_of_an_earlier_service_do_not_hold_up_the_next_one(grace: Grace) -> None:
    first = Stopping(grace, lambda: None, behind=9)  # type: ignore[arg-type]
    first.begin(["a", "b", "c"])
    second = Stopping(grace, lambda: None, 2, first)  # type: ignore[arg-type]
    second.begin(["d"])  # returns although four are stopping
    assert second.pending
    grace.end("a")
    grace.end("b")
    second.make_room()  # others start next: two may be left
    assert sorted(grace.removed) == ["a", "b"]
    for name in "cd":
        grace.end(name)
    second.wait()
    assert sorted(grace.removed) == ["a", "b", "c", "d"]
    assert not first.pending
