"""Interrupted operations, and differences that are normal during an operation."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from msgspec.structs import replace

from ops.autoscale import state
from ops.autoscale.state import ServiceState
from ops.doctor.collectors.operation import held_back, read
from ops.doctor.facts import HeldBack, OperationFacts
from ops.rollout.entries import Header, JournalState, ReturnEntry, StepEntry
from ops.rollout.holder import Holder
from ops.steps import Pause, Start, Target, Wait
from tests.unit.ops.doctor.stack import NOW, balancer, container, finding, instance, replica, reported, with_replicas
from tests.unit.ops.fakes import fake_stack

STATE = JournalState(
    Header("videa deploy", "ann@host", NOW - 60, 2, Target("r2", "app:2"), ("app-backend-1",), ("app-backend-1",), {}),
    (StepEntry(1, 4, Start(1)),),
)


def holder(lease: float) -> Holder:
    since = datetime.fromtimestamp(NOW - 60, UTC)
    return Holder("ann@host", "videa deploy", 1, "another machine", "", since, lease)


@pytest.mark.parametrize(
    ("lease", "state", "expected"),
    [
        (None, None, []),
        (15.0, STATE, []),
        (-1.0, STATE, [("deploy.stuck", "fail")]),
        (None, STATE, [("deploy.stuck", "fail")]),
        (-1.0, None, [("deploy.stuck", "info")]),
        (15.0, None, []),
    ],
)
def test_a_journal_whose_holder_has_exited(
    lease: float | None, state: JournalState | None, expected: list[tuple[str, str]]
) -> None:
    operation = read(None if lease is None else holder(lease), state)
    assert reported(operation=operation) == expected


@pytest.mark.parametrize(("lease", "expected"), [(15.0, []), (-1.0, ["warn"]), (None, ["warn"])])
def test_what_waits_is_no_fault_and_told_only_when_nobody_attends_it(lease: float | None, expected: list[str]) -> None:
    waiting = JournalState(STATE.header, (StepEntry(2, 4, Pause(25.0), NOW - 50, Wait(NOW - 50)),))
    operation = read(None if lease is None else holder(lease), waiting)
    assert [severity for _, severity in reported(operation=operation)] == expected
    if expected:
        result = finding("deploy.stuck", operation=operation)
        assert "`videa deploy` of ann@host, which waits at step 2 of 4 (pause)" in result.evidence
        for command in ("videa promote", "videa abort", "videa deploy --resume"):
            assert command in result.fix


def test_the_finding_names_the_user_the_command_and_the_step() -> None:
    returning = JournalState(STATE.header, (*STATE.entries, ReturnEntry("Ctrl-C")))
    result = finding("deploy.stuck", operation=read(holder(-1.0), returning))
    assert "during its rollback" in result.title
    assert "`videa deploy` of ann@host, at step 1 of 4 (start)" in result.evidence
    assert "60 s ago" in result.evidence
    assert "--resume" in result.fix
    assert "--abort" in result.fix


@pytest.mark.parametrize(("alive", "expected"), [(True, set()), (False, {"ctr.image_skew", "app.version_skew"})])
def test_two_releases_are_no_finding_during_a_deploy(alive: bool, expected: set[str]) -> None:
    new = replica(3, image_id="sha256:other", release="r2")
    seen = reported(
        containers=with_replicas(replica(1), new),
        instances=[instance(1), instance(3, release="r2")],
        balancer=replace(balancer(), listed=None, answers={"i1": 10, "i3": 10}),
        operation=OperationFacts(holder="ann@host", command="videa deploy", since=NOW, alive=alive),
    )
    assert {check for check, _ in seen} - {"deploy.stuck"} == expected


@pytest.mark.parametrize(("alive", "expected"), [(True, []), (False, ["lb.config"])])
def test_an_unlisted_new_replica_is_no_finding_during_a_scale(alive: bool, expected: list[str]) -> None:
    listed = replace(balancer(), listed=["app-backend-1"], answers={"i1": 20, "i2": 20})
    operation = OperationFacts(holder="ann@host", command="videa scale 2", since=NOW, alive=alive)
    seen = [check for check, _ in reported(balancer=listed, operation=operation)]
    assert [check for check in seen if check != "deploy.stuck"] == expected


def test_a_stopped_replica_is_no_finding_during_a_deploy() -> None:
    stopped = with_replicas(replica(1), container("backend", 3, state="exited"))
    operation = OperationFacts(holder="ann@host", command="videa deploy", since=NOW, alive=True)
    assert reported(containers=stopped, balancer=replace(balancer(), listed=None), operation=operation) == []


def test_the_doctor_agrees_with_the_autoscaler_that_a_limit_stops_it(tmp_path: Path) -> None:
    store = fake_stack(tmp_path).store
    stopped = ServiceState(looked=NOW - 10, now=3, desired=3, limit="connections", reason="PostgreSQL accepts 97")
    for service, written in {
        "app": stopped,
        "most": replace(stopped, limit="max"),
        "off": replace(stopped, off=True),
    }.items():
        state.change(store, "shop", service, lambda _, written=written: written)
    found = held_back(store, "shop")
    assert found == [HeldBack("app", "connections", "PostgreSQL accepts 97", NOW - 10)]
    assert reported(operation=OperationFacts(held_back=found)) == [("deploy.scale_limited", "warn")]
    result = finding("deploy.scale_limited", operation=OperationFacts(held_back=found))
    assert ("PostgreSQL accepts 97" in result.evidence, "max_connections" in result.fix) == (True, True)
    assert reported(operation=OperationFacts(held_back=[replace(found[0], looked=NOW - 600)])) == []
