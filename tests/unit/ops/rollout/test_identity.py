"""A process that is only invisible does not count as exited."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from ops.rollout import identity
from ops.rollout.identity import FileId, Process, file_id, this_process


def child() -> subprocess.Popen[bytes]:
    """A child process that waits for the end of its input."""
    return subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)


def observed(pid: int) -> Process:
    started = identity._started(pid)
    assert started
    return replace(this_process(), pid=pid, started=started)


def test_a_process_has_exited_after_its_exit() -> None:
    process = child()
    seen = observed(process.pid)
    assert not seen.has_exited()
    process.communicate()
    assert seen.has_exited()
    assert seen.has_exited(with_its_files=True)


def test_a_process_that_was_not_reaped_yet_has_exited() -> None:
    process = child()
    seen = observed(process.pid)
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert seen.has_exited()
    process.communicate()


def test_a_reused_process_id_is_another_process() -> None:
    assert replace(this_process(), started="1").has_exited()


def test_in_another_namespace_nothing_is_certain() -> None:
    gone = replace(this_process(), started="1")
    assert not replace(gone, pids="pid:[1]").has_exited()
    assert not replace(gone, mounts="mnt:[1]").has_exited(with_its_files=True)
    assert replace(gone, mounts="mnt:[1]").has_exited()


def test_an_invisible_process_has_not_exited(monkeypatch: pytest.MonkeyPatch) -> None:
    """/proc mounted with hidepid shows nothing of other users."""
    monkeypatch.setattr(identity, "_started", lambda pid: None)
    assert not Process(os.getpid(), "1", this_process().pids, this_process().mounts).has_exited()


def test_both_are_parsed_from_a_label_and_invalid_text_is_not(tmp_path: Path) -> None:
    assert Process.read(this_process().text()) == this_process()
    assert FileId.read(file_id(tmp_path).text()) == file_id(tmp_path)
    for text in ("", "1", "a:b", "x y z w", "1 2 3"):
        assert Process.read(text) is None
        assert FileId.read(text) is None
