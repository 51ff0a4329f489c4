"""The behaviour of every store and gateway, fake or real: tests with a fake are valid only if it meets its contract."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from ops import documents
from ops.documents import Kind
from ops.errors import EngineError, LockHeld
from ops.models import Document
from ops.platform.ports import Gateway, Permit, Store
from ops.rollout import fence
from ops.traffic import Maintenance, Upstream


def check_store(store: Store, name: str) -> None:
    """Checks the life cycle of records with ``name``, which nobody else uses."""
    assert store.find(name) is None
    created = store.create(name, {"videa.test": name, "who": "me"}, 5)
    assert created
    assert store.create(name, {}, 6) is None
    record = store.find(name)
    assert record
    assert (record.id, record.labels["who"], record.number) == (created, "me", 5)
    assert abs(record.created.timestamp() - store.now()) < 60
    assert store.find(created) == record
    assert [labels["who"] for labels in store.labelled("videa.test", name)] == ["me"]

    assert store.set_number(created, 7)
    changed = store.find(name)
    assert changed
    assert changed.number == 7

    assert store.read(created) == {}
    assert store.write(created, {"1": b"one", "2": b"two"})
    assert store.write(created, {"2": b"\x00second"})
    assert store.read(created) == {"1": b"one", "2": b"\x00second"}
    assert store.read(created, "1") == {"1": b"one"}
    assert store.read(created, "3") == {}

    store.rename(created, f"{name}.other")
    assert store.find(name) is None
    other = store.create(name, {})
    assert other
    with pytest.raises(EngineError):
        store.rename(other, f"{name}.other")
    store.remove(other)
    store.rename(created, name)
    assert store.find(name) == store.find(created)
    assert store.read(created, "1") == {"1": b"one"}

    store.remove(created)
    store.remove(created)
    with pytest.raises(EngineError):
        store.rename(created, name)
    assert store.find(name) is None
    assert not store.set_number(created, 8)
    assert not store.write(created, {"1": b"late"})
    assert store.read(created) == {}
    second = store.create(name, {"who": "another"})
    assert second
    assert second != created
    store.remove(created)  # does not remove the new record with the same name
    assert store.find(name)
    store.remove(name)
    assert store.find(name) is None


def check_documents(store: Store, name: str) -> None:
    """Checks a document with ``name``, which nobody else uses."""
    content = bytes(range(256)) * 1000
    store.drop(name)
    assert store.load(name) == Document()
    assert store.save(name, b"one", 0)
    first = store.load(name)
    assert (first.version > 0, first.content) == (True, b"one")
    assert not store.save(name, b"late", 0)
    assert store.save(name, content, first.version)
    second = store.load(name)
    assert (second.version > first.version, second.content) == (True, content)
    for version in (0, first.version):  # of processes that have read before
        assert not store.save(name, b"late", version)
    assert store.load(name) == second
    assert store.save(name, b"", second.version)
    assert store.load(name).content == b""
    assert store.load(f"{name}.other") == Document()
    store.drop(name)
    assert store.load(name) == Document()


def check_common_document(store: Store, kind: Kind, project: str, writers: int = 4, lines: int = 5) -> None:
    """Checks that nothing is lost when ``writers`` write into one document at the same time."""

    def write(writer: int) -> None:
        for number in range(lines):
            line = f"{writer}-{number}"

            def change(content: bytes, line: str = line) -> bytes:
                present = content.decode().split()
                return " ".join(present if line in present else [*present, line]).encode()

            documents.update(store, kind, project, change)

    with ThreadPoolExecutor(writers) as pool:
        list(pool.map(write, range(writers)))
    written = documents.load(store, kind, project).decode().split()
    assert sorted(written) == sorted(f"{writer}-{number}" for writer in range(writers) for number in range(lines))
    for writer in range(writers):
        assert [line for line in written if line.startswith(f"{writer}-")] == [f"{writer}-{n}" for n in range(lines)]
    documents.forget(store, project)
    assert documents.load(store, kind, project) == b""


def check_fence(store: Store, project: str) -> None:
    """Checks the numbers of ``project``, which nobody else uses."""
    assert fence.highest(store, project) == 0
    first = fence.take_number(store, project)
    assert abs(first - store.now()) < 60
    second = fence.take_number(store, project)
    assert second > first
    assert fence.take_number(store, project, above=second + 7) == second + 8
    assert fence.highest(store, project) == second + 8
    assert len(store.labelled("videa.fence", project)) == 1
    fence.forget(store, project)
    assert fence.highest(store, project) == 0


def holder(number: int) -> Permit:
    """The permit of a process whose lock has this number, and which has lost it to whoever has a higher one."""

    def permit(above: int = 0) -> int:
        if above >= number:
            raise LockHeld(f"{above} has taken over", "")
        return number

    return permit


def check_fencing(connect: Callable[[], Gateway], one: Upstream, other: Upstream) -> None:
    """Checks the changes of processes with different numbers. ``connect``: a gateway to the same balancer."""

    def held(permit: Permit) -> Gateway:
        gateway = connect()
        gateway.guard(permit)
        return gateway

    def refuses(number: int) -> None:
        for change in (lambda gateway: gateway.apply(one), lambda gateway: gateway.maintain(Maintenance())):
            with pytest.raises(LockHeld, match="7 has taken over"):
                change(held(holder(number)))

    held(holder(5)).apply(one)
    held(holder(5)).apply(other)
    assert held(holder(7)).membership().servers == other.servers
    refuses(5)  # before the other one has changed anything
    held(holder(7)).apply(other)
    refuses(6)
    assert held(holder(6)).membership().servers == other.servers  # it may look, which permits nothing
    refuses(6)
    assert connect().membership().maintenance is None

    def renumbered(above: int = 0) -> int:
        return max(6, above + 1)

    held(renumbered).apply(one)  # its lock is valid, but the engine's numbers were lost
    assert connect().membership().servers == one.servers
