"""The agent works with what videa's commands have recorded, and says why it does nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from msgspec.structs import replace as with_fields

from ops.agent.recorded import Recorded
from ops.errors import PlanRefused
from ops.project import outline
from ops.project.config import Project
from tests.unit.ops.fakes import FakeStack, fake_stack


@pytest.fixture
def stack(tmp_path: Path) -> FakeStack:
    return fake_stack(tmp_path)


def recorded(stack: FakeStack) -> Recorded:
    return Recorded(stack.store, "shop", lambda project: replace(stack, project=project))


def with_section(stack: FakeStack, **section: object) -> Project:
    project: Project = replace(stack.project, written={"service": "app", **section})
    return project


def test_without_a_record_it_says_what_to_do(stack: FakeStack) -> None:
    with pytest.raises(PlanRefused, match="no command of videa has recorded shop yet"):
        recorded(stack)()


def test_the_stacks_stay_the_same_until_the_record_changes(stack: FakeStack) -> None:
    source = recorded(stack)
    outline.record(stack.store, with_section(stack, port=1234))
    first = source()
    assert [each.project.settings.port for each in first] == [1234]
    assert source() is first
    outline.record(stack.store, with_section(stack, port=1235))
    assert [each.project.settings.port for each in source()] == [1235]


def test_switched_off_it_does_nothing(stack: FakeStack) -> None:
    source = recorded(stack)
    outline.record(stack.store, with_section(stack))
    source()
    outline.record(stack.store, with_section(stack, agent="off"))
    with pytest.raises(PlanRefused, match=r"x-videa\.agent is off"):
        source()
    with pytest.raises(PlanRefused):
        source()


def test_only_services_that_get_requests_are_checked(stack: FakeStack) -> None:
    assert not with_fields(stack.project.settings).worker
    outline.record(stack.store, with_section(stack))
    assert [each.project.settings.service for each in recorded(stack)()] == ["app"]
