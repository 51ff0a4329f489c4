"""Signals at every call and between lines of an operation, and a process that is stopped for too long."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

import pytest

from ops import interrupts
from ops.errors import Interrupted, Left, LockHeld
from ops.events import discard
from ops.operations import Operation
from ops.project.settings import Hooks
from ops.rollout import history, lease, lock
from ops.rollout.request import Request, Strategy
from tests.unit.ops.disturbances import (
    NEW,
    OPERATIONS,
    Disturbance,
    deploy,
    disturbed,
    left_over,
    quiet,
    recorded,
    state,
    wanted,
)
from tests.unit.ops.fakes import fake_stack

OPS = str(Path(interrupts.__file__).parent) + os.sep


CHANGES = {"apply", "create", "stop", "start", "restore"}
"""Calls that change the serving replicas; a removal only follows a stop."""


@pytest.mark.parametrize(
    ("number", "again"), [(signal.SIGINT, ()), (signal.SIGHUP, (1, 2, 5))], ids=["Ctrl-C", "SIGHUP several times"]
)
@pytest.mark.parametrize("name", OPERATIONS)
def test_after_an_interrupt_at_any_call_it_is_rolled_back_or_done_and_reports_which(
    tmp_path: Path, name: str, number: signal.Signals, again: tuple[int, ...]
) -> None:
    done, calls = wanted(tmp_path / "undisturbed", name)
    endings = set()
    for place in range(1, calls + 1):
        places = (place, *(place + more for more in again))
        stack, disturbance, before, raised = disturbed(
            tmp_path / str(place), name, lambda: os.kill(os.getpid(), number), places
        )
        where = disturbance.at(place)
        assert left_over(stack) == [], where
        if raised is None:
            assert state(stack) == done, where
            assert recorded(stack) == [history.DONE], where
        elif isinstance(raised, Interrupted):
            assert raised.aftermath is not None
            assert raised.aftermath.as_before, (where, raised.message)
            assert state(stack) == before, where
            assert recorded(stack) == ["interrupted"], where
        else:
            assert isinstance(raised, KeyboardInterrupt), (where, raised)
            assert state(stack) == before, where
            assert recorded(stack) == [], where
        endings.add(type(raised))
    assert endings == {type(None), Interrupted, KeyboardInterrupt}


@pytest.mark.parametrize("name", ["scale up", "scale down", "rolling"])
def test_a_process_that_was_stopped_until_its_lease_ended_changes_nothing(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGSTOP at any call, and SIGCONT when another process may be running: only the present call completes."""
    clock, later = lock.uptime, [0.0]
    monkeypatch.setattr(lock, "uptime", lambda: clock() + later[0])

    def stop() -> None:
        later[0] = lease.LEASE + 1.0

    _, calls = wanted(tmp_path / "undisturbed", name)
    seen = set()
    for place in range(1, calls + 1):
        later[0] = 0.0
        _, disturbance, _, raised = disturbed(tmp_path / str(place), name, stop, (place,))
        where = disturbance.at(place)
        if "now" in where or raised is None:  # before it has its lock, or after its last change
            continue
        assert isinstance(raised, LockHeld), (where, raised)
        changes = [call for call in disturbance.calls[place:] if call in CHANGES]
        assert changes == [], (where, changes)
        seen.add(raised.aftermath.left if raised.aftermath else None)
    assert Left.STOPPED in seen


def test_a_process_that_was_stopped_until_its_lease_ended_runs_no_hook_and_records_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the balancer and the containers cannot refuse: a hook may migrate a database, and `.env` is a file here."""
    clock, later = lock.uptime, [0.0]
    monkeypatch.setattr(lock, "uptime", lambda: clock() + later[0])
    hooks = Hooks(pre_deploy="a", pre_traffic="b", post_traffic="c", post_deploy="d", on_abort="e")

    def run(place: int) -> tuple[Disturbance, bool, bool]:
        """The calls; whether it was stopped in a step of the operation; whether `.env` has changed since then."""
        later[0] = 0.0
        texts: list[str] = []
        (tmp_path / str(place)).mkdir()
        stack = fake_stack(tmp_path / str(place), hooks=hooks)

        def stop() -> None:
            if threading.current_thread() is threading.main_thread():  # a replica may stop while the next step runs
                later[0] = lease.LEASE + 1.0
                texts.append(stack.project.env_file.read_text())

        stack.world.disturb = disturbance = Disturbance(stop, (place,))
        try:
            Operation(stack, discard, "videa deploy").deploy(NEW, Request(Strategy.ROLLING))
        except LockHeld:
            return disturbance, True, texts != [stack.project.env_file.read_text()]
        return disturbance, False, False

    calls, _, _ = run(0)
    stops = 0
    for place in range(1, len(calls.calls) + 1):
        disturbance, stopped, written = run(place)
        where = disturbance.at(place)
        if "now" in where or not stopped:  # before it has its lock, or after its last change
            continue
        assert not written, where
        assert not [call for call in disturbance.calls[place:] if call.startswith("task")], where
        stops += 1
    assert stops


class LineTracer:
    """Traces the lines of ops in the main thread, and interrupts at ``places``, numbers of lines of ``module``."""

    def __init__(self, module: str, places: tuple[int, ...]) -> None:
        self.module = OPS + module
        self.places = places
        self.lines = 0

    def __call__(self, frame: FrameType, event: str, argument: object) -> LineTracer | None:
        if not frame.f_code.co_filename.startswith(OPS):
            return None
        if event == "line" and frame.f_code.co_filename.startswith(self.module):
            self.lines += 1
            if self.lines in self.places:
                os.kill(os.getpid(), signal.SIGINT)
        return self


# The end of a `with` is a line too: a signal there leaves its file to the garbage collector, which closes it.
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
@pytest.mark.parametrize(("module", "step"), [("", 83), ("rollout/lease.py", 13)], ids=["anywhere", "lease"])
def test_after_an_interrupt_between_lines_it_is_rolled_back_or_done_and_reports_which(
    tmp_path: Path, module: str, step: int
) -> None:
    """Like the test above, also between calls: at every ``step``-th line, with two further signals later."""
    done, _ = wanted(tmp_path / "undisturbed", "rolling")
    expected = {type(None): [history.DONE], Interrupted: ["interrupted"]}
    place, endings = 1, set()
    while True:
        directory = tmp_path / str(place)
        directory.mkdir()
        stack = fake_stack(directory)
        before, raised, trace = state(stack), None, LineTracer(module, (place, place + 7, place + 40))
        traced = sys.gettrace()
        with interrupts.held():
            sys.settrace(trace)
            try:
                with interrupts.allowed(again=True):
                    deploy(Operation(stack, discard, "videa deploy"))
            except (KeyboardInterrupt, Interrupted) as error:
                raised = error
            finally:
                sys.settrace(traced)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler, place
        if trace.lines < place:
            break
        assert left_over(stack) == [], place
        assert state(stack) == (before if raised else done), place
        assert recorded(stack) == expected.get(type(raised), []), place
        endings.add(type(raised))
        place += step
    assert endings == {type(None), Interrupted, KeyboardInterrupt}


__all__ = ["quiet"]
