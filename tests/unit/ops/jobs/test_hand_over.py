"""Handing over: what the container gets, and what refuses it. Secrets are in a file of the owner only."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from msgspec.structs import replace

from ops.errors import LockHeld, PlanRefused
from ops.jobs import files
from ops.jobs.hand_over import start
from ops.jobs.kind import Kind
from ops.jobs.request import file_of, passed_on, read
from tests.unit.ops.fakes import FakeStack, fake_stack
from tests.unit.ops.jobs.test_supervise import NEW

SECRET = "hunter2-hunter2"


@pytest.fixture
def stack(tmp_path: Path) -> FakeStack:
    return fake_stack(tmp_path)


def test_the_variables_are_in_a_file_of_the_owner_and_nowhere_else(stack: FakeStack) -> None:
    request = replace(
        NEW, environment=passed_on({"API_TOKEN": SECRET, "HOME": "/home/me", "VIDEA_JOB": "x", "BAD": "\udcff"})
    )
    start(stack, request)
    path = file_of(stack.project.directory, "shop", Kind.OPERATION)
    assert read(path) == request
    assert request.environment == {"API_TOKEN": SECRET, "HOME": "/home/me"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    (job,) = stack.platform.jobs.new
    assert SECRET not in repr(job)
    assert job.environment == {"HOME": "/home/me"}
    assert str(path) in job.words


def test_a_second_one_is_refused_until_the_first_is_over(stack: FakeStack) -> None:
    start(stack, NEW)
    with pytest.raises(LockHeld, match=r"scale \+1"):
        start(stack, NEW)
    start(stack, replace(NEW, kind=Kind.AUTOSCALE))
    stack.platform.jobs.become(NEW.name, "exited", over=True)
    start(stack, NEW)
    assert not stack.platform.jobs.by_name[NEW.name].over


def test_without_the_folder_on_the_engines_machine_nothing_is_handed_over(stack: FakeStack) -> None:
    stack.platform.jobs.why = "the engine is on another machine"
    with pytest.raises(PlanRefused, match="another machine"):
        start(stack, NEW)
    assert not file_of(stack.project.directory, "shop", Kind.OPERATION).exists()


def test_a_job_that_cannot_start_leaves_no_file(stack: FakeStack, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> str:
        raise PlanRefused("no", "")

    monkeypatch.setattr(stack.platform.jobs, "start", fail)
    with pytest.raises(PlanRefused):
        start(stack, NEW)
    assert not file_of(stack.project.directory, "shop", Kind.OPERATION).exists()


def test_it_may_write_only_what_an_operation_writes(stack: FakeStack, tmp_path: Path) -> None:
    (tmp_path / ".docker").mkdir()
    writable = files.writable(stack.project, str(tmp_path))
    assert "/tmp" in writable
    assert not {"/", "/etc", "/usr", "/home"} & set(writable)
    assert all(not Path(one).is_relative_to(other) for one in writable for other in writable if one != other)


def test_it_sees_the_folders_of_the_machine_but_its_own_devices_and_processes(tmp_path: Path) -> None:
    for name in ("usr", "etc", "proc", "dev", "run", "tmp"):
        (tmp_path / name).mkdir()
    (tmp_path / "bin").symlink_to("usr")
    (tmp_path / "file").touch()
    assert [Path(each).name for each in files.read_only(tmp_path)] == ["bin", "etc", "usr"]
