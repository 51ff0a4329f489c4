"""Ctrl-C and `docker stop` end the agent, after the round under way, and its record is removed."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from ops.agent.duties import Agent
from ops.agent.watcher import Watcher, watching
from ops.events import Emit
from tests.unit.ops.fakes.changes import FakeChanges
from tests.unit.ops.fakes.store import FakeStore
from videa_cli.attending import attend


class Slow:
    """A duty whose only round is under way when the signal arrives."""

    name, every, on_change = "slow", 3600.0, False
    complete = False

    def __init__(self, watcher: Watcher) -> None:
        self.watcher = watcher

    def run(self, emit: Emit) -> None:
        self.watcher.claim(10)
        os.kill(os.getpid(), signal.SIGINT)
        threading.Event().wait(0.1)
        self.complete = True


def test_the_round_under_way_ends_and_the_record_is_removed() -> None:
    store = FakeStore()
    watcher = Watcher(store, "shop", "videa agent")
    duty = Slow(watcher)
    agent = Agent((duty,), FakeChanges, lambda event: None)
    attend(agent.run, agent.stop, watcher.release)
    assert duty.complete
    assert watching(store, "shop") is None


def test_a_signal_that_arrives_while_the_first_round_is_handed_over_ends_it_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    start = threading.Thread.start

    def interrupted(thread: threading.Thread) -> None:
        start(thread)
        if threading.current_thread() is threading.main_thread():
            threading.Event().wait(0.5)

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    test_the_round_under_way_ends_and_the_record_is_removed()
