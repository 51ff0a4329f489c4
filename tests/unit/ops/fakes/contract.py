"""The behaviour of every store, fake or real: tests with the fake are valid only if it meets this contract."""

from __future__ import annotations

from ops.platform.ports import Store


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

    store.remove(created)
    store.remove(created)
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
