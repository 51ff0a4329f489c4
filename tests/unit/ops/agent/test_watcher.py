"""One process watches a project; another one learns which."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from ops.agent import watcher as module
from ops.agent.watcher import SHORTEST, Watcher, watching
from tests.unit.ops.fakes.store import FakeStore


def of(store: FakeStore, command: str = "videa watch") -> Watcher:
    return Watcher(store, "shop", command, "1.2")


def test_the_second_one_learns_who_watches() -> None:
    store = FakeStore()
    assert of(store, "videa agent").claim(10) is None
    holder = of(store).claim(10)
    assert holder
    assert (holder.command, holder.version) == ("videa agent", "1.2")
    assert "`videa agent`" in str(holder)


def test_it_is_renewed_by_each_round() -> None:
    store = FakeStore()
    first = of(store, "videa agent")
    first.claim(20)
    store.world.now += 59
    assert of(store).claim(20)
    first.claim(20)
    store.world.now += 59
    assert of(store).claim(20)
    seen = watching(store, "shop")
    assert seen
    assert store.now() - seen.last_round == 59


def test_the_record_of_a_process_that_was_killed_counts_until_it_expires() -> None:
    store = FakeStore()
    of(store, "videa agent").claim(1)
    store.world.now += SHORTEST
    second = of(store)
    assert not second.claimed
    assert second.claim(1) is None
    assert second.claimed
    seen = watching(store, "shop")
    assert seen
    assert seen.command == "videa watch"


def test_after_a_restart_of_its_container_the_agent_takes_its_own_record_at_once() -> None:
    store = FakeStore()
    of(store, "videa agent").claim(10)  # process 1 of the same container
    assert of(store, "videa agent").claim(10) is None
    assert len(store.records) == 1


def test_an_agent_in_another_container_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    store = FakeStore()
    of(store, "videa agent").claim(10)
    monkeypatch.setattr(module.socket, "gethostname", lambda: "elsewhere")
    assert of(store, "videa agent").claim(10)


def test_a_record_that_was_pruned_is_made_again() -> None:
    store = FakeStore()
    first = of(store, "videa agent")
    first.claim(10)
    store.records.clear()
    assert first.claim(10) is None
    assert watching(store, "shop")


def test_one_whose_record_was_taken_over_does_not_watch_on() -> None:
    store = FakeStore()
    first = of(store, "videa agent")
    first.claim(1)
    store.world.now += SHORTEST
    of(store).claim(1)
    assert first.claim(1)


def test_a_released_record_is_gone() -> None:
    store = FakeStore()
    first = of(store)
    first.claim(10)
    first.release()
    assert watching(store, "shop") is None
    assert of(store, "videa agent").claim(10) is None


def test_a_record_without_labels_is_of_somebody() -> None:
    store = FakeStore()
    of(store, "videa agent").claim(10)
    name = "videa.watcher.shop"
    store.records[name] = replace(store.records[name], labels={})
    holder = of(store).claim(10)
    assert holder
    assert holder.who == "somebody"
