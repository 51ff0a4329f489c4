"""What a push sends, and what the other engine has at the end."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from ops.errors import EngineError, ImageUnavailable, UsageError
from ops.events import Event, Transferred, discard
from ops.images.layers import shared
from ops.images.push import push
from tests.unit.ops.fakes.images import FakeImageStore, Image

BASE, EMPTY, APP, NEW_APP = (os.urandom(size) for size in (400_000, 1024, 50_000, 60_000))
FIRST, SECOND = Image((BASE, EMPTY, APP)), Image((BASE, EMPTY, NEW_APP))


def engines(**options: bool) -> tuple[FakeImageStore, FakeImageStore]:
    """One with both images, and an empty one."""
    return FakeImageStore({"app:1": FIRST, "app:2": SECOND}, **options), FakeImageStore(local=False)


@pytest.mark.parametrize("options", [{}, {"linked": True}, {"compressed": True}], ids=["plain", "linked", "compressed"])
def test_a_second_push_sends_only_the_changed_layer(options: dict[str, bool]) -> None:
    here, there = engines(**options)
    first = push(here, there, "app:1", discard)
    assert there.images == {"app:1": FIRST}
    assert [layer.present for layer in first.layers] == [False, False, False]
    assert there.received == first.sent > len(BASE)
    second = push(here, there, "app:2", discard)
    assert there.images == {"app:1": FIRST, "app:2": SECOND}
    assert [layer.present for layer in second.layers] == [True, True, False]
    assert len(NEW_APP) < second.sent < len(NEW_APP) + 10_000
    assert there.received == first.sent + second.sent


def test_a_third_push_sends_nothing() -> None:
    here, there = engines()
    push(here, there, "app:1", discard)
    again = push(here, there, "app:1", discard)
    assert (again.changed, again.sent, there.loads) == (False, 0, 1)


def test_another_name_for_the_same_image_sends_no_layer() -> None:
    here, there = FakeImageStore({"app:1": FIRST, "shop:1": FIRST}), FakeImageStore({"app:1": FIRST})
    pushed = push(here, there, "shop:1", discard)
    assert pushed.sent < 10_000
    assert there.images["shop:1"] == FIRST


def test_a_layer_on_another_base_is_sent_again() -> None:
    """Engines know a layer by everything under it."""
    moved = Image((EMPTY, APP))
    here, there = FakeImageStore({"moved:1": moved}), FakeImageStore({"app:1": FIRST})
    assert [layer.present for layer in push(here, there, "moved:1", discard).layers] == [False, False]
    assert there.images["moved:1"] == moved


def test_a_repeated_layer_is_sent_once() -> None:
    twice = Image((BASE, APP, APP))
    here, there = FakeImageStore({"twice:1": twice}, linked=True), FakeImageStore({"base:1": Image((BASE,))})
    pushed = push(here, there, "twice:1", discard)
    assert there.images["twice:1"] == twice
    assert pushed.sent < len(APP) + 10_000


def test_containerd_gets_every_layer() -> None:
    here, _ = engines()
    there = FakeImageStore({"app:1": FIRST}, needs_every_layer=True)
    pushed = push(here, there, "app:2", discard)
    assert [layer.present for layer in pushed.layers] == [False, False, False]
    assert there.images["app:2"] == SECOND


def test_a_dry_run_sends_nothing_and_knows_the_bytes() -> None:
    here, there = engines()
    planned = push(here, there, "app:1", discard, dry_run=True)
    assert (there.images, there.received) == ({}, 0)
    assert planned.sent == push(here, there, "app:1", discard).sent


def test_an_interrupted_push_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    here, there = engines()
    there.cut_after = 100_000
    with pytest.raises(EngineError, match="closed the connection"):
        push(here, there, "app:1", discard)
    assert there.images == {}
    assert not list(tmp_path.iterdir())


def test_another_id_at_the_end_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = engines()
    monkeypatch.setattr(there, "load", lambda archive: [there.images.update({"app:1": SECOND}) for _ in archive])
    with pytest.raises(EngineError, match="app:1 has another id"):
        push(here, there, "app:1", discard)


def test_only_an_existing_name_can_be_pushed() -> None:
    here, there = FakeImageStore({"app:latest": FIRST, "other:1": SECOND}), FakeImageStore()
    with pytest.raises(ImageUnavailable, match="no image nope:1"):
        push(here, there, "nope:1", discard)
    with pytest.raises(UsageError, match="is not the name of an image"):
        push(here, there, SECOND.id, discard)


def test_progress_is_in_bytes() -> None:
    here, there = FakeImageStore({"big:1": Image((os.urandom(3 << 20),))}), FakeImageStore()
    events: list[Event] = []
    push(here, there, "big:1", events.append)
    sending = [event for event in events if isinstance(event, Transferred) and event.text.startswith("send")]
    assert sending
    assert all(0 < event.done <= event.total for event in sending)


@pytest.mark.parametrize(
    ("others", "expected"), [([], 0), ([("a", "b")], 2), ([("a", "b", "c", "d"), ("a",)], 3), ([("b", "c")], 0)]
)
def test_what_is_there_begins_at_the_base(others: list[tuple[str, ...]], expected: int) -> None:
    assert shared(("a", "b", "c"), others) == expected
