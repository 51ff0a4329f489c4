"""What a job does at its start and after it was killed: never an operation twice, never half of one."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from ops.jobs.kind import Kind
from ops.jobs.request import Request
from ops.jobs.supervise import EVENTS, LATE, begins, missed, next_arguments
from ops.rollout.entries import Header, JournalState
from ops.steps import Target

NEW = Request(
    project="shop",
    kind=Kind.OPERATION,
    arguments=("-f", "shop.yaml", "scale", "+1", "--detach"),
    selecting=("--file", "shop.yaml"),
    command="videa -f shop.yaml scale +1 --detach",
    folder="/srv/shop",
    environment={},
    created=1000.0,
)
BEGUN = replace(NEW, begun=True)
RESUMED = ("--file", "shop.yaml", "deploy", "--resume", EVENTS)


def unfinished(command: str = NEW.command, time: float = 1001.0) -> JournalState:
    return JournalState(Header(command, "me", time, 2, Target("a", "app:a", {}), (), (), {}), ())


def test_at_first_it_runs_the_command_and_prints_its_events() -> None:
    assert next_arguments(NEW, None) == (*NEW.arguments, EVENTS)
    run = replace(NEW, arguments=("run", "--", "sh"))
    assert next_arguments(run, None) == ("run", EVENTS, "--", "sh")


def test_after_a_kill_it_resumes_its_own_operation() -> None:
    assert next_arguments(BEGUN, unfinished()) == RESUMED
    assert next_arguments(NEW, unfinished()) == RESUMED  # killed before it could note that it has begun
    assert next_arguments(NEW, unfinished("videa-2 -f shop.yaml scale +1 --detach")) == RESUMED


def test_an_operation_that_has_ended_is_not_run_again() -> None:
    assert next_arguments(BEGUN, None) is None


def test_it_leaves_an_operation_of_somebody_else_alone() -> None:
    assert next_arguments(BEGUN, unfinished("videa deploy")) is None


def test_a_job_that_promotes_continues_an_older_operation() -> None:
    promotion = replace(BEGUN, arguments=("promote", "--detach"), command="videa promote --detach")
    assert next_arguments(promotion, unfinished("videa deploy --canary", time=900.0)) == RESUMED


def test_the_autoscaler_always_runs() -> None:
    scaler = replace(BEGUN, kind=Kind.AUTOSCALE, arguments=("autoscale", "run"))
    assert next_arguments(scaler, unfinished("videa deploy")) == ("autoscale", "run")


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        ({"type": "step_started", "step": {"type": "task", "text": "build"}}, False),
        ({"type": "step_started", "step": {"type": "start"}}, True),
        ({"type": "going_back", "reason": ""}, True),
        ({"type": "lock_awaited"}, False),
        ([], False),
    ],
)
def test_an_operation_begins_with_its_first_change(event: object, expected: bool) -> None:
    assert begins(json.dumps(event)) is expected
    assert not begins("no JSON")


def test_a_scheduled_operation_that_was_missed_for_long_does_not_begin() -> None:
    scheduled = replace(NEW, at=5000.0)
    assert missed(scheduled, 5000.0 + LATE) == ""
    assert "2 h ago" in missed(scheduled, 5000.0 + 2 * LATE)
    assert missed(replace(scheduled, begun=True), 5000.0 + 2 * LATE) == ""
    assert missed(NEW, 5000.0 + 2 * LATE) == ""
