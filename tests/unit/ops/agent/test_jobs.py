"""The agent starts jobs again that were killed before their operation had ended."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.agent.jobs import RevivedJobs
from ops.errors import PlanRefused
from ops.events import Event, discard
from ops.jobs.hand_over import start
from ops.notices import JobRevived
from tests.unit.ops.fakes import fake_stack
from tests.unit.ops.jobs.test_supervise import NEW


def test_only_a_job_that_was_killed_is_started_again(tmp_path: Path) -> None:
    stack, told = fake_stack(tmp_path), list[Event]()
    start(stack, NEW)
    duty = RevivedJobs(stack.platform.jobs, "shop")
    duty.run(told.append)
    assert told == []
    stack.platform.jobs.become(NEW.name, "exited", over=False)
    duty.run(told.append)
    assert told == [JobRevived(NEW.name, NEW.command)]
    assert stack.platform.jobs.by_name[NEW.name].state == "running"
    stack.platform.jobs.become(NEW.name, "exited", over=True)
    duty.run(told.append)
    assert len(told) == 1


def test_an_agent_that_must_do_nothing_starts_none(tmp_path: Path) -> None:
    def off() -> None:
        raise PlanRefused("x-videa.agent is off", "")

    stack = fake_stack(tmp_path)
    start(stack, NEW)
    duty = RevivedJobs(stack.platform.jobs, "shop", off)
    duty.run(discard)
    stack.platform.jobs.become(NEW.name, "exited", over=False)
    with pytest.raises(PlanRefused):
        duty.run(discard)
    assert stack.platform.jobs.by_name[NEW.name].state == "exited"
