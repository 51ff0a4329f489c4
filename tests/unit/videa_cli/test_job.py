"""The main process of a job: over when its command has ended, and not when the command was killed or must stop."""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path

import pytest
from msgspec.structs import replace

from ops.jobs.hand_over import start
from ops.jobs.kind import Kind
from ops.jobs.request import Request, file_of, read, write
from tests.unit.ops.fakes import FakeStack, fake_stack
from tests.unit.ops.jobs.test_supervise import NEW
from videa_cli import job

BEGUN = json.dumps({"type": "step_started", "step": {"type": "drain"}})


@pytest.fixture
def stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeStack:
    found = fake_stack(tmp_path)
    monkeypatch.setattr("ops.factory.open_jobs", lambda: found.platform.jobs)
    monkeypatch.setattr("ops.factory.open_store", lambda **_: found.store)
    return found


def supervise(
    stack: FakeStack, monkeypatch: pytest.MonkeyPatch, script: str, request: Request = NEW
) -> tuple[job.Supervisor, Path]:
    """A job whose command is a script in Python."""
    monkeypatch.setattr(job, "COMMAND", (sys.executable, "-c", f"import os, signal, sys, time\n{script}"))
    environment = {"PATH": os.environ["PATH"], "SECRET": "s"}
    request = replace(request, folder=str(stack.project.directory), environment=environment)
    start(stack, request)
    path = file_of(stack.project.directory, "shop", request.kind)
    return job.Supervisor(path, request.name), path


def is_over(stack: FakeStack) -> bool:
    (only,) = stack.platform.jobs.all("shop")
    return only.over


@pytest.mark.parametrize("code", [0, 6])
def test_when_the_command_ends_the_job_is_over_and_its_file_is_gone(
    stack: FakeStack, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    supervisor, path = supervise(stack, monkeypatch, f"sys.exit({code})")
    assert supervisor.run() == code
    assert is_over(stack)
    assert not path.exists()


def test_a_killed_command_is_left_to_the_next_start_which_resumes_it(
    stack: FakeStack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    script = f"print({BEGUN!r}, flush=True); os.kill(os.getpid(), signal.SIGKILL)"
    supervisor, path = supervise(stack, monkeypatch, script)
    assert supervisor.run() != 0
    assert BEGUN in capsys.readouterr().out
    assert not is_over(stack)
    request = read(path)
    assert request is not None
    assert request.begun
    assert supervisor.run() == 0  # there is no journal: it has ended meanwhile, so nothing runs
    assert is_over(stack)


def test_it_passes_a_request_to_stop_on(stack: FakeStack, monkeypatch: pytest.MonkeyPatch) -> None:
    script = "signal.signal(signal.SIGTERM, lambda *_: sys.exit(130)); print('ready', flush=True); time.sleep(60)"
    supervisor, _ = supervise(stack, monkeypatch, script)
    ended: list[int] = []
    thread = threading.Thread(target=lambda: ended.append(supervisor.run()))
    ready = threading.Event()
    monkeypatch.setattr(sys.stdout, "write", lambda text: ready.set() or len(text))
    thread.start()
    assert ready.wait(30)
    supervisor.stop()
    thread.join(30)
    assert ended == [130]
    assert not is_over(stack)


def test_the_command_gets_the_variables_of_the_shell_and_the_folder(
    stack: FakeStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = "open('seen', 'w').write(' '.join([os.environ['SECRET'], os.environ['VIDEA_JOB'], *sys.argv[1:]]))"
    supervisor, _ = supervise(stack, monkeypatch, script)
    assert supervisor.run() == 0
    seen = (stack.project.directory / "seen").read_text()
    assert seen == "s operation -f shop.yaml scale +1 --detach --json=events"


def test_the_autoscaler_is_never_over_by_itself(stack: FakeStack, monkeypatch: pytest.MonkeyPatch) -> None:
    supervisor, path = supervise(stack, monkeypatch, "sys.exit(4)", replace(NEW, kind=Kind.AUTOSCALE))
    assert supervisor.run() == 4
    assert not is_over(stack)
    assert path.exists()


def test_a_missed_time_is_said(
    stack: FakeStack, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    late = replace(NEW, kind=Kind.SCHEDULED, at=1.0)
    supervisor, path = supervise(stack, monkeypatch, "open('ran', 'w')", late)
    write(path, late)
    assert supervisor.run() == 1
    assert "missed" in json.loads(capsys.readouterr().out)["error"]
    assert not (stack.project.directory / "ran").exists()
    assert is_over(stack)
