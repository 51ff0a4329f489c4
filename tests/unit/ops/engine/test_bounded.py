"""Time, memory and output of a command that reads a user's file are limited."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from ops.engine.bounded import BoundReached, Bounds, run_bounded

BOUNDS = Bounds(seconds=60, memory=512 << 20, output=1 << 20)


def run(*command: str, bounds: Bounds = BOUNDS, **variables: str) -> tuple[int, str, str]:
    completed = run_bounded(list(command), Path("/"), {"PATH": os.environ["PATH"], **variables}, bounds)
    return completed.returncode, completed.stdout, completed.stderr


def test_exit_code_and_output_are_returned() -> None:
    assert run("sh", "-c", 'pwd; echo "$A"; echo "$0 b" >&2; exit 3', "a b", A="x y") == (3, "/\nx y\n", "a b b\n")
    assert run("printf", r"\377")[1] == "\ufffd"


def test_a_missing_command() -> None:
    with pytest.raises(FileNotFoundError):
        run("no-such-command")


def test_time_is_limited_and_child_processes_end_too() -> None:
    """The pipe closes when the grandchild, which holds its other end, has ended."""
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    with pytest.raises(BoundReached, match=r"^0\.3 s$"):
        run("sh", "-c", "sleep 600 & wait", bounds=Bounds(0.3, BOUNDS.memory, BOUNDS.output))
    os.close(writing)
    assert os.read(reading, 1) == b""
    os.close(reading)


def test_memory_is_limited() -> None:
    program = "try: bytearray(200 << 20)\nexcept MemoryError: print('no more')"
    assert run(sys.executable, "-c", program, bounds=Bounds(60, 100 << 20, BOUNDS.output)) == (0, "no more\n", "")
    assert run(sys.executable, "-c", program) == (0, "", "")


def test_a_go_program_without_memory_has_reached_its_limit() -> None:
    crash = "echo 'fatal error: runtime: out of memory' >&2; exit 2"
    with pytest.raises(BoundReached, match="512 MB of memory"):
        run("sh", "-c", crash)


def test_a_go_program_that_continues_without_memory_is_killed() -> None:
    crash = "echo 'level=warning'; echo 'fatal error: out of memory allocating' >&2; sleep 600"
    with pytest.raises(BoundReached, match="512 MB of memory"):
        run("sh", "-c", crash)


def test_output_is_limited() -> None:
    with pytest.raises(BoundReached, match="1 MB of text"):
        run("head", "-c", "2000000", "/dev/zero")
