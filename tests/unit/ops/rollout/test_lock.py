"""Who counts as the holder of a lock, seen from here, from another namespace and from another machine."""

from __future__ import annotations

import fcntl
import os
import signal
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from ops import interrupts
from ops.errors import EngineUnreachable, LockHeld
from ops.rollout import lock as module
from ops.rollout.holder import Holder
from ops.rollout.identity import machine_id, this_process
from ops.rollout.lease import LEASE
from ops.rollout.lock import Lock
from tests.unit.ops.fakes import FakeStack, fake_stack

GONE = replace(this_process(), started="1")
"""This process's id, as one that has exited had it before."""


def silent(call: str) -> None:
    """An engine that does not answer."""
    raise EngineUnreachable(call, "")


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeStack:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return fake_stack(tmp_path)


def held_elsewhere(stack: FakeStack, **labels: str) -> Lock:
    """The lock of the stack's project, as another process has it."""
    values = {"machine": machine_id(), "file": "/tmp/videa-lock-of-another", "who": "ann@here", "command": "x"}
    named = {f"videa.lock.{name}": value for name, value in {**values, **labels}.items()}
    stack.store.create("videa.lock.shop", named, int(stack.world.now) + LEASE)
    return Lock(stack.store, "shop")


def holder(stack: FakeStack, **labels: str) -> Holder:
    found = held_elsewhere(stack, **labels).status()
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("labels", "alive"),
    [
        ({}, True),
        ({"process": GONE.text()}, False),
        ({"process": replace(GONE, mounts="mnt:[1]").text()}, True),
        ({"process": replace(GONE, pids="pid:[1]").text()}, True),
        ({"process": this_process().text()}, True),
        ({"process": "nonsense", "inode": "nonsense"}, True),
        ({"process": GONE.text(), "machine": "elsewhere"}, True),
    ],
    ids=["an older videa", "same namespaces", "PrivateTmp", "a container", "it runs", "nonsense", "another machine"],
)
def test_a_holder_whose_file_is_not_there_has_exited_only_when_that_is_certain(
    stack: FakeStack, labels: dict[str, str], alive: bool
) -> None:
    assert holder(stack, **labels).alive is alive


def test_the_lease_alone_ends_one_that_cannot_be_seen(stack: FakeStack) -> None:
    lock = held_elsewhere(stack)
    with pytest.raises(LockHeld, match="ann@here"), lock.hold("mine"):
        pytest.fail("it was taken")
    stack.world.now += LEASE + 1
    with lock.hold("mine") as lease:
        lease.check()


def test_a_file_that_is_seen_tells_by_itself_whatever_the_namespace(stack: FakeStack, tmp_path: Path) -> None:
    file = tmp_path / "videa-lock-1"
    file.touch()
    other_namespace = replace(GONE, mounts="mnt:[1]", pids="pid:[1]").text()
    found = holder(stack, file=str(file), inode=module.file_id(file).text(), process=other_namespace)
    assert not found.alive
    with file.open() as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        assert found.alive


def test_another_file_at_the_same_path_tells_nothing(stack: FakeStack, tmp_path: Path) -> None:
    """In a mount namespace of its own the holder's /tmp is another."""
    file = tmp_path / "videa-lock-1"
    file.touch()
    assert holder(stack, file=str(file), inode="1:1", process=GONE.text()).alive


def test_the_children_of_a_process_that_has_exited_are_waited_for(stack: FakeStack, tmp_path: Path) -> None:
    file = tmp_path / "videa-lock-1"
    file.touch()
    found = holder(stack, file=str(file), inode=module.file_id(file).text(), process=GONE.text())
    with file.open() as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        assert found.left_children
    assert not found.left_children
    assert found.exited


def test_a_lease_ends_though_the_clock_stood_still_for_the_process(stack: FakeStack) -> None:
    """Suspended, the machine goes on with a lease that ended meanwhile: it is not prolonged, and nothing is done."""
    now = [100.0]
    lock = Lock(stack.store, "shop", lambda: now[0])
    with lock.hold("mine") as lease:
        lease.check()
        now[0] += LEASE + 1
        with pytest.raises(LockHeld, match="lost its lock"):
            lease.check()
        assert not lease.renew()


def test_what_another_has_taken_over_is_not_taken_back(stack: FakeStack) -> None:
    lock = Lock(stack.store, "shop")
    with lock.hold("mine") as lease:
        stack.store.remove("videa.lock.shop")
        held_elsewhere(stack)
        assert not lease.renew()
        with pytest.raises(LockHeld):
            lease.check()
    assert stack.store.records["videa.lock.shop"].labels["videa.lock.who"] == "ann@here"


def test_an_operation_keeps_others_out_also_while_it_lets_something_be_changed(stack: FakeStack) -> None:
    lock = Lock(stack.store, "shop")
    with lock.hold("videa deploy") as lease:
        with pytest.raises(LockHeld), lock.hold_briefly("videa watch"):
            pytest.fail("it was taken")
        with lease.suspended():
            assert lock.change_holder() is None
            assert lock.operation_holder() is not None
            lease.check_operation()
            with pytest.raises(LockHeld):
                lease.check()
            with pytest.raises(LockHeld, match="videa deploy"), lock.hold("videa scale 3"):
                pytest.fail("it was taken")
            with lock.hold_briefly("videa watch") as brief:
                brief.check()
                found = lock.operation_holder()
                assert found is not None
                assert found.command == "videa deploy"
        lease.check()
        assert lock.change_holder() is not None
    assert lock.status() is None


def test_what_is_brief_is_no_operation_and_one_of_an_older_videa_is(stack: FakeStack) -> None:
    lock = Lock(stack.store, "shop")
    with lock.hold_briefly("videa maintenance on"):
        assert lock.operation_holder() is None
        assert lock.active_holder() is not None
    held_elsewhere(stack)
    found = lock.operation_holder()
    assert found is not None
    assert found.who == "ann@here"


def test_what_is_given_back_while_the_engine_does_not_answer_is_kept(stack: FakeStack) -> None:
    lock = Lock(stack.store, "shop")
    with lock.hold("videa deploy") as lease:
        stack.world.disturb = silent
        with lease.suspended():
            stack.world.disturb = lambda call: None
            assert lock.change_holder() is not None
        lease.check()
    assert lock.status() is None


def test_where_the_change_lock_is_taken_the_attendance_is_given_back(stack: FakeStack) -> None:
    lock = held_elsewhere(stack)
    with pytest.raises(LockHeld, match="ann@here"), lock.hold("mine"):
        pytest.fail("it was taken")
    assert set(stack.store.records) == {"videa.lock.shop"}


def test_release_clears_away_what_both_locks_have_left(stack: FakeStack) -> None:
    for kind in ("lock", "operation"):
        stack.store.create(f"videa.{kind}.shop", {"videa.lock.who": "ann@here"}, int(stack.world.now) - 1)
    lock = Lock(stack.store, "shop")
    assert lock.release(dry_run=True) is not None
    assert len(stack.store.records) == 2
    found = lock.release()
    assert found is not None
    assert found.who == "ann@here"
    assert stack.store.records == {}
    assert lock.release() is None


def test_the_clock_of_a_lease_goes_on_while_the_machine_is_suspended(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(module.time, "clock_gettime", lambda which: asked.append(which) or 1.0)
    assert module.uptime() == 1.0
    assert asked == [module.time.CLOCK_BOOTTIME]


def test_a_lock_that_the_engine_did_not_take_back_is_known_to_be_free_at_once(stack: FakeStack) -> None:
    lock = Lock(stack.store, "shop")
    with lock.hold("mine"):
        stack.world.disturb = silent
    stack.world.disturb = lambda call: None
    found = lock.status()
    assert found is not None
    assert not found.alive
    with lock.hold("again"):
        assert not Path(found.file).exists()


def test_ctrl_c_while_the_children_of_another_are_waited_for_takes_no_lock(stack: FakeStack, tmp_path: Path) -> None:
    file = tmp_path / "videa-lock-1"
    file.touch()
    lock = held_elsewhere(stack, file=str(file), inode=module.file_id(file).text(), process=GONE.text())
    interrupts.treat_alike()
    with file.open() as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)

        def look(call: str) -> None:
            if call == "now":
                os.kill(os.getpid(), signal.SIGTERM)

        stack.world.disturb = look
        with pytest.raises(KeyboardInterrupt), lock.hold("mine"):
            pytest.fail("it was taken")
    stack.world.disturb = lambda call: None
    assert stack.store.records["videa.lock.shop"].labels["videa.lock.who"] == "ann@here"
