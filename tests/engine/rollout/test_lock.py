"""The lock and the journal on a real engine, by several processes at once."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from ops.documents import Kind
from ops.errors import LockHeld
from ops.factory import connect, open_store
from ops.platform.ports import Store
from ops.rollout import fence
from ops.rollout import lease as module
from ops.rollout.command_queue import Command
from ops.rollout.entries import Header, ReturnEntry
from ops.rollout.journal import Journal
from ops.rollout.lease import Lease
from ops.rollout.lock import Lock
from ops.rollout.operator import whoami
from ops.steps import Target
from tests.unit.ops.fakes.contract import check_common_document, check_documents, check_fence, check_store

ROOT = Path(__file__).parents[3]
HOLD = """
import subprocess, sys
from ops.factory import open_store
from ops.rollout.lock import Lock
with Lock(open_store(), sys.argv[1]).hold("videa scale 9"):
    child = subprocess.Popen(["sh", "-c", "echo held; " + sys.argv[2]], close_fds=False)
    sys.stdin.read()
"""
SEEN = """
import sys
from ops.factory import open_store
from ops.rollout.lock import Lock
found = Lock(open_store(), sys.argv[1]).status()
print("alive" if found and found.alive else "free")
"""
HEADER = Header("videa scale 3", "me@here", 1.0, 3, Target("a", "app:a"), ("app-1",), ("app-1",), {})


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    engine = connect()
    yield open_store(engine)
    engine.close()


@pytest.fixture
def project(store: Store) -> Iterator[str]:
    """The name of a project of its own."""
    name = f"videa-test-{os.getpid()}-{time.monotonic_ns()}"
    yield name
    for kind in ("lock", "operation", "journal"):
        if found := store.find(f"videa.{kind}.{name}"):
            store.remove(found.id)
    fence.forget(store, name)


def holder(project: str, child: str = "true") -> subprocess.Popen[str]:
    """Another process that holds the lock and has started `child`."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, project, child], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        assert pipe is not None
        pipe.close()


def test_the_store_of_an_engine_keeps_the_contract(store: Store, project: str) -> None:
    check_store(store, f"videa.lock.{project}")
    check_documents(store, f"videa.lock.{project}")
    check_common_document(store, Kind.HISTORY, project)


def test_the_numbers_of_an_engine_keep_the_contract(store: Store, project: str) -> None:
    check_fence(store, project)


def test_processes_that_take_a_number_at_the_same_time_get_different_ones(store: Store, project: str) -> None:
    with ThreadPoolExecutor(8) as pool:
        numbers = list(pool.map(lambda _: fence.take_number(store, project), range(24)))
    assert len(set(numbers)) == 24
    assert fence.highest(store, project) == max(numbers)


def test_a_second_operation_is_told_who_is_at_it(store: Store, project: str) -> None:
    process = holder(project)
    try:
        with pytest.raises(LockHeld, match=r"`videa scale 9` since [\d:]+ UTC \(process \d+\)"), _held(store, project):
            pass
        found = Lock(store, project).status()
        assert found is not None
        assert found.alive
        assert found.pid == process.pid
        with pytest.raises(LockHeld):
            Lock(store, project).release()
    finally:
        process.communicate("")
    assert Lock(store, project).status() is None


def test_a_killed_holder_of_this_machine_is_known_at_once(store: Store, project: str) -> None:
    kill(holder(project))
    found = Lock(store, project).status()
    assert found is not None
    assert found.lease > 0
    assert not found.alive
    with _held(store, project):
        pass


def test_a_holder_whose_files_cannot_be_seen_from_a_mount_namespace_is_alive_there(store: Store, project: str) -> None:
    """As `videa watch` in a systemd unit with PrivateTmp sees a deploy of a shell, and another one that was killed."""
    apart = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /tmp && exec "$0" "$@"']
    if subprocess.run([*apart, "true"], capture_output=True, check=False).returncode:
        pytest.skip("no right to make a mount namespace")

    def seen_from_there() -> str:
        command = [*apart, sys.executable, "-c", SEEN, project]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()

    process = holder(project)
    assert seen_from_there() == "alive"
    kill(process)
    assert seen_from_there() == "alive"  # not known there, so its lease decides
    found = Lock(store, project).status()
    assert found is not None
    assert not found.alive


def test_the_children_of_a_killed_holder_are_waited_for(store: Store, project: str, tmp_path: Path) -> None:
    kill(holder(project, f"sleep 1.5; touch {tmp_path}/ended"))
    assert not (tmp_path / "ended").exists()
    with _held(store, project):
        assert (tmp_path / "ended").exists()


def test_a_holder_of_another_machine_counts_until_its_lease_ends(
    store: Store, project: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LEASE", 10)
    lock = Lock(store, project)
    elsewhere = {"videa.lock.machine": "elsewhere", "videa.lock.who": "ann@elsewhere", "videa.lock.command": "x"}
    assert store.create(f"videa.lock.{project}", elsewhere, int(store.now()) + 2)
    with pytest.raises(LockHeld, match="ann@elsewhere"), lock.hold("mine"):
        pass
    while (found := lock.status()) and found.alive:
        time.sleep(0.1)
    with lock.hold("mine") as lease:
        lease.check()


def test_a_lease_is_renewed_and_survives_a_prune(store: Store, project: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "RENEWAL", 0.2)
    lock = Lock(store, project)
    with lock.hold("mine") as lease:
        first = store.find(f"videa.lock.{project}")
        assert first is not None
        store.remove(first.id)
        while lock.status() is None:
            time.sleep(0.05)
        lease.check()
        with pytest.raises(LockHeld), lock.hold("another"):
            pass
    assert lock.status() is None


def test_of_many_at_once_only_one_gets_it(store: Store, project: str) -> None:
    kill(holder(project))
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", HOLD, project, "true"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for _ in range(4)
    ]
    first_words = [process.stdout.readline() for process in processes if process.stdout]
    try:
        assert sorted(first_words) == ["", "", "", "held\n"]
    finally:
        for process in processes:
            process.communicate("")


def test_compose_sees_nothing_of_it(store: Store, project: str, tmp_path: Path) -> None:
    (tmp_path / "compose.yml").write_text("services: {app: {image: videa-marker:1}}\n")
    with _held(store, project):
        listed = subprocess.run(
            ["docker", "compose", "--project-name", project, "ps", "--all", "--quiet"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        assert listed.stdout == ""


def test_a_journal_is_read_by_another_process_and_survives_a_prune(store: Store, project: str) -> None:
    mine, other = Journal(store, project), Journal(store, project)
    assert other.read() is None
    mine.begin(HEADER)
    mine.write(ReturnEntry("one"))
    found = store.find(f"videa.journal.{project}")
    assert found is not None
    store.remove(found.id)
    mine.write(ReturnEntry("two"))
    state = other.read()
    assert state is not None
    assert state.header == HEADER
    assert state.entries == (ReturnEntry("one"), ReturnEntry("two"))
    other.reopen()
    other.write(ReturnEntry("three"))
    with pytest.raises(LockHeld):
        mine.write(ReturnEntry("four"))
    mine.end()
    assert other.read() == other.state()
    other.end()
    assert other.read() is None


def test_a_journal_is_found_where_it_was_begun(store: Store, project: str) -> None:
    here, elsewhere = f"{project}, here", f"{project}, elsewhere"
    assert Journal.begun_at(store, here) is None
    journal = Journal(store, project, here)
    journal.begin(HEADER)
    found = Journal.begun_at(store, here)
    assert found is not None
    assert found.project == project
    assert Journal.begun_at(store, elsewhere) is None
    journal.end()
    assert Journal.begun_at(store, here) is None


def test_a_command_reaches_the_operation_once(store: Store, project: str) -> None:
    mine, other = Journal(store, project).commands, Journal(store, project).commands
    assert mine.take() is None
    other.send("promote")
    assert mine.take() == Command("promote", whoami())
    assert mine.take() is None


def test_of_two_commands_the_last_counts(store: Store, project: str) -> None:
    queue = Journal(store, project).commands
    queue.send("promote")
    queue.send("abort")
    assert queue.take() == Command("abort", whoami())
    assert queue.take() is None


def test_a_command_is_not_taken_by_another_operation_than_the_one_it_was_sent_to(store: Store, project: str) -> None:
    killed, journal = Journal(store, project), Journal(store, project)
    assert not journal.exists()
    killed.begin(HEADER)
    assert journal.exists()
    killed.commands.send("abort")
    journal.reopen()
    assert journal.commands.take() is None
    killed.commands.send("abort")
    journal.end()
    assert journal.commands.take() is None
    killed.commands.send("abort")
    journal.begin(HEADER)
    assert journal.commands.take() is None


def _held(store: Store, project: str) -> AbstractContextManager[Lease]:
    return Lock(store, project).hold("videa scale 3")
