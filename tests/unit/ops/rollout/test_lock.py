"""The holder of a lock, as seen from the same machine, from another namespace and from another machine."""

from __future__ import annotations

import fcntl
import os
import signal
import tempfile
from pathlib import Path

import pytest
from msgspec.structs import replace

from ops import interrupts
from ops.errors import EngineUnreachable, LockHeld
from ops.rollout import lock as module
from ops.rollout.holder import Holder
from ops.rollout.identity import machine_id, this_process
from ops.rollout.lease import LEASE
from ops.rollout.lock import Lock
from tests.unit.ops.fakes import FakeStack, fake_stack

EXITED = replace(this_process(), started="1")
"""An exited process that had this process's id."""


def silent(call: str) -> None:
    """An engine that does not answer."""
    raise EngineUnreachable(call, "")


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeStack:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return fake_stack(tmp_path)


def held_elsewhere(stack: FakeStack, **labels: str) -> Lock:
    """The lock of the stack's project, held by another process."""
    values = {"machine": machine_id(), "file": "/tmp/videa-lock-of-another", "who": "ann@here", "command": "x"}
    named = {f"videa.lock.{name}": value for name, value in {**values, **labels}.items()}
    stack.store.create("videa.lock.shop", named, int(stack.world.now) + LEASE)
    return Lock(stack.store, "shop")


def holder_of(stack: FakeStack, **labels: str) -> Holder:
    holder = held_elsewhere(stack, **labels).status()
    assert holder is not None
    return holder


@pytest.mark.parametrize(
    ("labels", "alive"),
    [
        ({}, True),
        ({"process": EXITED.text()}, False),
        ({"process": replace(EXITED, mounts="mnt:[1]").text()}, True),
        ({"process": replace(EXITED, pids="pid:[1]").text()}, True),
        ({"process": this_process().text()}, True),
        ({"process": "nonsense", "inode": "nonsense"}, True),
        ({"process": EXITED.text(), "machine": "elsewhere"}, True),
    ],
    ids=[
        "an older videa",
        "same namespaces",
        "PrivateTmp",
        "a container",
        "still running",
        "nonsense",
        "another machine",
    ],
)
def test_a_holder_without_a_visible_file_has_exited_only_if_that_is_certain(
    stack: FakeStack, labels: dict[str, str], alive: bool
) -> None:
    assert holder_of(stack, **labels).alive is alive


def test_an_invisible_holder_ends_with_its_lease(stack: FakeStack) -> None:
    lock = held_elsewhere(stack)
    with pytest.raises(LockHeld, match="ann@here"), lock.hold("videa deploy"):
        pytest.fail("the lock was acquired")
    stack.world.now += LEASE + 1
    with lock.hold("videa deploy") as lease:
        lease.check()


def test_a_visible_file_is_decisive_in_any_namespace(stack: FakeStack, tmp_path: Path) -> None:
    file = tmp_path / "videa-lock-1"
    file.touch()
    other_namespace = replace(EXITED, mounts="mnt:[1]", pids="pid:[1]").text()
    holder = holder_of(stack, file=str(file), inode=module.file_id(file).text(), process=other_namespace)
    assert not holder.alive
    with file.open() as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        assert holder.alive


def test_another_file_at_the_same_path_is_ignored(stack: FakeStack, tmp_path: Path) -> None:
    """In another mount namespace, the holder has another /tmp."""
    file = tmp_path / "videa-lock-1"
    file.touch()
    assert holder_of(stack, file=str(file), inode="1:1", process=EXITED.text()).alive


def test_child_processes_of_an_exited_holder_keep_the_lock(stack: FakeStack, tmp_path: Path) -> None:
    file = tmp_path / "videa-lock-1"
    file.touch()
    holder = holder_of(stack, file=str(file), inode=module.file_id(file).text(), process=EXITED.text())
    with file.open() as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        assert holder.has_orphans
    assert not holder.has_orphans
    assert holder.exited


def test_a_lease_ends_during_a_suspend(stack: FakeStack) -> None:
    """After a suspend, a lease that has ended is not renewed, and no change is allowed."""
    now = [100.0]
    lock = Lock(stack.store, "shop", lambda: now[0])
    with lock.hold("videa deploy") as lease:
        lease.check()
        now[0] += LEASE + 1
        with pytest.raises(LockHeld, match="lost its lock"):
            lease.check()
        assert not lease.renew()


def test_a_lease_ends_for_its_holder_not_later_than_for_others(stack: FakeStack) -> None:
    """The store's time has full seconds: 1000.9 s is 1000 for everybody."""
    now, stack.world.now = [100.9], 1000.0
    lock = Lock(stack.store, "shop", lambda: now[0])
    with lock.hold("videa deploy") as lease:
        now[0], stack.world.now = 120.0, 1020.0
        holder = lock.status()
        assert holder is not None
        assert holder.lease <= 0
        with pytest.raises(LockHeld, match="lost its lock"):
            lease.check()


def test_a_lock_that_another_process_has_taken_over_is_not_taken_back(stack: FakeStack) -> None:
    lock = Lock(stack.store, "shop")
    with lock.hold("videa deploy") as lease:
        stack.store.remove("videa.lock.shop")
        held_elsewhere(stack)
        assert not lease.renew()
        with pytest.raises(LockHeld):
            lease.check()
    assert stack.store.records["videa.lock.shop"].labels["videa.lock.who"] == "ann@here"


def test_an_operation_excludes_others_also_without_the_change_lock(stack: FakeStack) -> None:
    lock = Lock(stack.store, "shop")
    with lock.hold("videa deploy") as lease:
        with pytest.raises(LockHeld), lock.hold_briefly("videa watch"):
            pytest.fail("the lock was acquired")
        with lease.suspended():
            assert lock.change_holder() is None
            assert lock.operation_holder() is not None
            lease.check_operation()
            with pytest.raises(LockHeld):
                lease.check()
            with pytest.raises(LockHeld, match="videa deploy"), lock.hold("videa scale 3"):
                pytest.fail("the lock was acquired")
            with lock.hold_briefly("videa watch") as brief:
                brief.check()
                holder = lock.operation_holder()
                assert holder is not None
                assert holder.command == "videa deploy"
        lease.check()
        assert lock.change_holder() is not None
    assert lock.status() is None


def test_a_brief_change_is_no_operation_but_one_of_an_older_videa_is(stack: FakeStack) -> None:
    lock = Lock(stack.store, "shop")
    with lock.hold_briefly("videa maintenance on"):
        assert lock.operation_holder() is None
        assert lock.active_holder() is not None
    held_elsewhere(stack)
    holder = lock.operation_holder()
    assert holder is not None
    assert holder.who == "ann@here"


def test_a_change_lock_that_cannot_be_released_is_still_held(stack: FakeStack) -> None:
    lock = Lock(stack.store, "shop")
    with lock.hold("videa deploy") as lease:
        stack.world.disturb = silent
        with lease.suspended():
            stack.world.disturb = lambda call: None
            assert lock.change_holder() is not None
        lease.check()
    assert lock.status() is None


def test_the_operation_lock_is_released_if_the_change_lock_is_held_by_another(stack: FakeStack) -> None:
    lock = held_elsewhere(stack)
    with pytest.raises(LockHeld, match="ann@here"), lock.hold("videa deploy"):
        pytest.fail("the lock was acquired")
    assert set(stack.store.records) == {"videa.lock.shop"}


def test_release_removes_both_markers_of_exited_processes(stack: FakeStack) -> None:
    for kind in ("lock", "operation"):
        stack.store.create(f"videa.{kind}.shop", {"videa.lock.who": "ann@here"}, int(stack.world.now) - 1)
    lock = Lock(stack.store, "shop")
    assert lock.release(dry_run=True) is not None
    assert len(stack.store.records) == 2
    holder = lock.release()
    assert holder is not None
    assert holder.who == "ann@here"
    assert stack.store.records == {}
    assert lock.release() is None


def test_the_clock_of_a_lease_includes_suspends(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    monkeypatch.setattr(module.time, "clock_gettime", lambda which: asked.append(which) or 1.0)
    assert module.uptime() == 1.0
    assert asked == [module.time.CLOCK_BOOTTIME]


def test_a_lock_that_could_not_be_removed_is_free_at_once(stack: FakeStack) -> None:
    lock = Lock(stack.store, "shop")
    with lock.hold("videa deploy"):
        stack.world.disturb = silent
    stack.world.disturb = lambda call: None
    holder = lock.status()
    assert holder is not None
    assert not holder.alive
    with lock.hold("again"):
        assert not Path(holder.file).exists()


def test_ctrl_c_during_the_wait_for_child_processes_takes_no_lock(stack: FakeStack, tmp_path: Path) -> None:
    file = tmp_path / "videa-lock-1"
    file.touch()
    lock = held_elsewhere(stack, file=str(file), inode=module.file_id(file).text(), process=EXITED.text())
    interrupts.treat_alike()
    with file.open() as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)

        def interrupt(call: str) -> None:
            if call == "now":
                os.kill(os.getpid(), signal.SIGTERM)

        stack.world.disturb = interrupt
        with pytest.raises(KeyboardInterrupt), lock.hold("videa deploy"):
            pytest.fail("the lock was acquired")
    stack.world.disturb = lambda call: None
    assert stack.store.records["videa.lock.shop"].labels["videa.lock.who"] == "ann@here"
