"""What a plan reports about the readiness of the new replicas."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace as changed

from ops.events import Event
from ops.notices import ProbedByConnect
from ops.planning import check_plan
from ops.project.settings import Health
from ops.stack import Stack
from ops.steps import Plan, Start, Target
from tests.unit.ops.fakes import FakeStack, fake_stack
from tests.unit.ops.fakes.world import APP

PLAN = Plan((Start(1),), Target("new", "app:new"), "one more")


def reported(stack: FakeStack, health: Health, check: dict[str, Any]) -> list[Event]:
    stack.project.model["services"][APP]["healthcheck"] = check
    settings = changed(stack.project.settings, health=health)
    own = Stack(replace(stack.project, settings=settings), stack.platform, stack.store, stack.connect, stack.open)
    events: list[Event] = []
    check_plan(own, PLAN, stack.fleet(), events.append)
    return events


@pytest.mark.parametrize("image", [True, False], ids=["image with a check", "image without"])
def test_a_plan_says_that_only_a_connection_decides(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, image: bool
) -> None:
    stack = fake_stack(tmp_path)
    monkeypatch.setattr(stack.platform.images, "has_healthcheck", lambda _: image)
    assert reported(stack, Health(), {}) == [ProbedByConnect()] * (not image)
    assert reported(stack, Health(), {"disable": True}) == [ProbedByConnect()]
    assert reported(stack, Health(), {"test": ["CMD", "true"]}) == []
    assert reported(stack, Health(ready="/"), {"disable": True}) == []
