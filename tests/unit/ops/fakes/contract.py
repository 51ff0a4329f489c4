"""What every store does, the fake and the real ones: tests on the fake are only worth something while this holds."""

from __future__ import annotations

from ops.platform.ports import Store


def check_store(store: Store, name: str) -> None:
    """Goes through the life of records of ``name`` that nobody else uses."""
    assert store.find(name) is None
    made = store.create(name, {"videa.test": name, "who": "me"}, 5)
    assert made
    assert store.create(name, {}, 6) is None
    found = store.find(name)
    assert found
    assert (found.id, found.labels["who"], found.number) == (made, "me", 5)
    assert abs(found.created.timestamp() - store.now()) < 60
    assert store.find(made) == found
    assert [labels["who"] for labels in store.labelled("videa.test", name)] == ["me"]

    assert store.set_number(made, 7)
    changed = store.find(name)
    assert changed
    assert changed.number == 7

    assert store.read(made) == {}
    assert store.write(made, {"1": b"one", "2": b"two"})
    assert store.write(made, {"2": b"\x00second"})
    assert store.read(made) == {"1": b"one", "2": b"\x00second"}
    assert store.read(made, "1") == {"1": b"one"}
    assert store.read(made, "3") == {}

    store.remove(made)
    store.remove(made)
    assert store.find(name) is None
    assert not store.set_number(made, 8)
    assert not store.write(made, {"1": b"late"})
    assert store.read(made) == {}
    again = store.create(name, {"who": "another"})
    assert again
    assert again != made
    store.remove(made)  # not the record that has its name now
    assert store.find(name)
    store.remove(name)
    assert store.find(name) is None
