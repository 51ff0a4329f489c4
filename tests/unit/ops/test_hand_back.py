"""The published port goes back to the service; whatever fails, somebody has it afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from msgspec.structs import replace as changed

from ops.errors import EngineError
from ops.events import discard
from ops.handover import back, stand_in
from ops.handover.back import Leaving, hand_back
from ops.models import ExecResult
from ops.project.plain import Plain
from ops.project.settings import Health
from ops.project.units import Seconds
from ops.stack import Stack
from tests.unit.ops.fakes import FakeStack, fake_stack

NGINX, REPLICA, SERVICE = "shop-nginx-1", "shop-app-1", "shop-app-2"


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeStack:
    """A replica behind nginx; the user's own definition becomes a second container."""
    stack = fake_stack(tmp_path, replicas=1)
    by_name = stack.platform.by_name
    by_name[NGINX] = replace(by_name[REPLICA], name=NGINX, service="nginx", number=0)

    def create(*ignored: object) -> tuple[list[Any], list[str]]:
        by_name[SERVICE] = replace(by_name[REPLICA], name=SERVICE, number=2, state="created")
        return [by_name[REPLICA]], []

    monkeypatch.setattr(back, "_create", create)
    monkeypatch.setattr(back, "_start_unpublished", lambda *ignored: None)
    monkeypatch.setattr(back, "Health", lambda: changed(Health(), deadline=Seconds(0.01)))
    monkeypatch.setattr(back, "ASK_AGAIN", 0.001)
    monkeypatch.setattr(stand_in, "Balancer", lambda platform, name: stack.gateway)
    answering(stack, monkeypatch, 0)
    return stack


def answering(stack: FakeStack, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    """The exit code of curl, which asks the service."""
    monkeypatch.setattr(type(stack.platform), "ask", lambda self, container, command: ExecResult(code, ""))


def give_back(stack: FakeStack, change: Callable[[], None]) -> None:
    plain = cast(Plain, SimpleNamespace(project=stack.project))
    leaving = Leaving(("app",), (), "nginx", (), (), {"app": "8000/up"})

    def serves(asked: Stack) -> None:
        stack.world.used("serves")

    hand_back(stack, plain, leaving, change, serves, discard, "videa init --remove")


def states(stack: FakeStack) -> dict[str, str]:
    return {name: container.state for name, container in stack.platform.by_name.items()}


def test_the_service_has_the_port_and_nothing_of_ours_is_left(stack: FakeStack) -> None:
    changes: list[dict[str, str]] = []
    give_back(stack, lambda: changes.append(states(stack)))
    assert states(stack) == {SERVICE: "running"}
    assert changes == [{NGINX: "exited", REPLICA: "running", SERVICE: "running"}]  # the files change last
    assert stack.platform.stand_ins.calls == ["remove", "start published", "redirect", "release", "remove", "remove"]


def test_a_service_that_does_not_answer_gives_the_port_back_to_nginx(
    stack: FakeStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    answering(stack, monkeypatch, 22)
    changes: list[None] = []
    with pytest.raises(EngineError, match="no answer from http://shop-app-2:8000/up"):
        give_back(stack, lambda: changes.append(None))
    assert states(stack) == {NGINX: "running", REPLICA: "running"}
    assert changes == []
    assert "release" not in stack.platform.stand_ins.calls  # before nginx runs again
    assert stack.platform.stand_ins.calls[-1] == "remove"


def test_files_that_cannot_be_changed_leave_the_service_serving(stack: FakeStack) -> None:
    def change() -> None:
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"):
        give_back(stack, change)
    assert states(stack)[SERVICE] == "running"
