"""The wait for readiness ends at once for a replica that cannot become ready."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace as changed

from ops.errors import ReplicaNotReady
from ops.events import discard
from ops.models import Container, ProbeResult
from ops.operations import Operation
from ops.project.units import Seconds
from ops.rollout import ready
from ops.rollout.ready import await_ready
from ops.steps import Plan, Start, Target
from tests.unit.ops.fakes import FakeStack, fake_shop, fake_stack
from tests.unit.ops.fakes.world import MAIL

NAME = "shop-app-1"


def patient_stack(folder: Path, **changes: Any) -> FakeStack:
    """A stack whose deadline no busy machine reaches in a few rounds. ``changes``: of its health checks."""
    stack = fake_stack(folder)
    settings = stack.project.settings
    health = changed(settings.health, deadline=Seconds(30), **changes)
    return replace(stack, project=replace(stack.project, settings=changed(settings, health=health)))


@pytest.mark.parametrize(
    ("changes", "message", "hint"),
    [
        ({"state": "paused"}, f"{NAME} is paused", f"docker unpause {NAME}"),
        ({"state": "exited", "exit_code": 3}, "exited with exit code 3", "log"),
        ({"state": "exited", "oom_killed": True}, "killed for lack of memory", "memory limit"),
        ({"state": "restarting", "oom_killed": True}, "killed for lack of memory", "memory limit"),
    ],
    ids=["paused", "exited", "out of memory", "out of memory again"],
)
def test_a_replica_that_cannot_become_ready_fails_at_once(
    tmp_path: Path, changes: dict[str, Any], message: str, hint: str
) -> None:
    stack = fake_stack(tmp_path)
    stack.platform.by_name[NAME] = replace(stack.platform.by_name[NAME], **changes)
    with pytest.raises(ReplicaNotReady, match=message) as failed:
        await_ready(stack, [NAME])
    assert hint in failed.value.hint


def test_a_removed_replica_is_named(tmp_path: Path) -> None:
    stack = fake_stack(tmp_path)
    stack.platform.remove(NAME)
    with pytest.raises(ReplicaNotReady, match=f"{NAME} is gone"):
        await_ready(stack, [NAME])


def test_a_replica_that_is_restarted_has_time_until_the_deadline(tmp_path: Path) -> None:
    """It exits twice, because its database is not there, and passes the second time it runs."""
    stack = patient_stack(tmp_path)
    states = iter([("restarting", 1), ("running", 1), ("restarting", 2), ("running", 2)])

    def disturb(call: str) -> None:
        if call == "replicas" and (state := next(states, None)):
            stack.platform.by_name[NAME] = replace(stack.platform.by_name[NAME], state=state[0], restarts=state[1])
            stack.world.sick = {NAME} if state == ("running", 1) else set()

    stack.world.disturb = disturb
    await_ready(stack, [NAME])
    assert next(states, None) is None


def test_probes_before_a_restart_do_not_count(tmp_path: Path) -> None:
    stack = patient_stack(tmp_path, success_threshold=2)
    probed: list[int] = []

    def disturb(call: str) -> None:
        if call == "probe":
            probed.append(1)
            replica = stack.platform.by_name[NAME]
            stack.platform.by_name[NAME] = replace(replica, restarts=min(len(probed), 3))

    stack.world.disturb = disturb
    await_ready(stack, [NAME])
    assert sum(probed) >= 5


def test_the_message_has_the_restarts_and_the_last_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stack = fake_stack(tmp_path)
    changes: dict[str, Any] = {"state": "restarting", "restarts": 7, "exit_code": 3}
    stack.platform.by_name[NAME] = replace(stack.platform.by_name[NAME], **changes)
    monkeypatch.setattr(stack.platform, "last_words", lambda name: "connecting\nno database")
    with pytest.raises(ReplicaNotReady) as failed:
        await_ready(stack, [NAME])
    assert "it exited and was restarted 7 times, last with exit code 3: no database" in failed.value.message
    assert failed.value.detail == "connecting\nno database"


def test_a_container_check_has_time_until_its_first_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The deadline of the stack is 0.05 s."""
    stack = fake_stack(tmp_path)
    rounds: list[str] = []

    def probe(*arguments: object, **options: object) -> dict[str, ProbeResult]:
        rounds.append("probe")
        ok = len(rounds) > 120
        return {NAME: ProbeResult(ok, 0, 0.0, "starting", "health check of the container", delay=20.0)}

    monkeypatch.setattr(type(stack), "probe", probe)
    await_ready(stack, [NAME])
    monkeypatch.setattr(type(stack), "probe", lambda *_, **__: {NAME: ProbeResult(False, 0, 0, "unhealthy x", "check")})
    with pytest.raises(ReplicaNotReady, match=r"was not ready after 50ms: check: unhealthy x$"):
        await_ready(stack, [NAME])


Change = Callable[[Container], Container]


def deployed_worker(stack: FakeStack, monkeypatch: pytest.MonkeyPatch, present: Change, later: Change) -> Plan:
    """The plan of a deploy of the worker's own release. ``later``: its replicas at the next look."""
    monkeypatch.setattr(ready, "STARTING_INTERVAL", 0.0)
    worker = stack.of(MAIL)
    assert isinstance(worker, FakeStack)
    by_name = worker.platform.by_name

    def look_again(call: str) -> None:
        if call == "replicas":
            stack.world.now += 1
            looks.append(call)
            if len(looks) > 1:
                by_name.update({name: later(replica) for name, replica in by_name.items()})

    looks: list[str] = []
    by_name.update({name: present(replica) for name, replica in by_name.items()})
    stack.world.disturb = look_again
    return Operation(worker, discard).deploy(Target("old", "app:old"), dry_run=True).plan


def test_a_deploy_awaits_the_worker_that_has_just_started_and_leaves_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = fake_shop(tmp_path)
    just = datetime.fromtimestamp(shop.world.now, UTC)
    plan = deployed_worker(shop, monkeypatch, lambda each: replace(each, started=just), lambda each: each)
    assert not plan.steps


@pytest.mark.parametrize(("health", "stays"), [("healthy", True), ("unhealthy", False)])
def test_a_deploy_replaces_only_the_worker_whose_first_health_check_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, health: str, stays: bool
) -> None:
    plan = deployed_worker(
        fake_shop(tmp_path),
        monkeypatch,
        lambda each: replace(each, health="starting", first_check=30.0),
        lambda each: replace(each, health=health),
    )
    assert any(isinstance(step, Start) for step in plan.steps) is not stays
