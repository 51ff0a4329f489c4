"""An interrupted operation of the previous version is rolled back or completed."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from ops.events import Event, RollingBack, discard
from ops.operations import Operation
from tests.unit.ops.disturbances import (
    NEW,
    left_over,
    quiet,
    state,
    wanted,
)
from tests.unit.ops.fakes import FakeStack, fake_stack
from videa_cli.words import words


def left_by_an_older_videa(stack: FakeStack, last: str) -> None:
    """Writes the journal of a killed blue-green deploy of the previous version, with its steps as text."""
    stack.platform.add("app:new")
    stack.platform.add("app:new")
    header = {
        **{"type": "opening", "command": "videa deploy", "who": "me@here", "time": 1.0, "wanted": 2},
        **{"target": {"release": "new", "image": "app:new", "overrides": dict(NEW.overrides)}},
        **{"before": ["shop-app-1", "shop-app-2"], "served": ["shop-app-1", "shop-app-2"]},
        **{"variables": {"APP_REPLICAS": "2", "APP_IMAGE": None, "APP_RELEASE": None}},
        "request": {"strategy": "blue-green", "surge": 1, "keep": 0.0},
    }
    steps = [{"type": "step", "number": 1, "total": 5, "text": "start 2 replicas", "share": None, "time": 2.0}]
    steps.append({"type": "step", "number": 4, "total": 5, "text": last, "share": None, "time": 3.0})
    journal = stack.store.create("videa.journal.shop", {"videa.journal": "shop"})
    assert journal
    entries = [header, *steps]
    stack.store.write(journal, {f"{n:06}": msgspec.json.encode(entry) for n, entry in enumerate(entries)})


KEEPING = "keep the old ones for 60 s (videa promote ends it, videa abort goes back to them)"


@pytest.mark.parametrize(
    ("last", "shown"),
    [("change the balancer",) * 2, (KEEPING, "keep the old replicas for 60 s"), ("drain",) * 2],
)
def test_an_operation_of_an_older_videa_is_rolled_back(tmp_path: Path, last: str, shown: str) -> None:
    stack = fake_stack(tmp_path)
    before = state(stack)
    left_by_an_older_videa(stack, last)
    stack.gateway.served = ("shop-app-3", "shop-app-4")
    events: list[Event] = []
    Operation(stack, events.append, "videa abort").abort()
    assert shown in " ".join(words(event) for event in events if isinstance(event, RollingBack))
    assert state(stack) == before
    assert left_over(stack) == []


def test_an_operation_of_an_older_videa_is_completed(tmp_path: Path) -> None:
    done, _ = wanted(tmp_path / "undisturbed", "blue-green")
    stack = fake_stack(tmp_path)
    left_by_an_older_videa(stack, "wait until ready")
    Operation(stack, discard, "videa deploy --resume").resume()
    assert state(stack) == done
    assert left_over(stack) == []


def test_services_that_followed_the_release_of_an_older_videa_are_rolled_back(tmp_path: Path) -> None:
    stack = fake_stack(tmp_path)
    left_by_an_older_videa(stack, "let worker follow")
    Operation(stack, discard, "videa abort").abort()
    assert stack.platform.followed == ["worker"]


__all__ = ["quiet"]
