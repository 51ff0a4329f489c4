"""A command that reads a user's file gets so much time, memory and output, and no more."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from ops.engine.bounded import BoundReached, Bounds, run_bounded

BOUNDS = Bounds(seconds=60, memory=512 << 20, output=1 << 20)


def run(*command: str, bounds: Bounds = BOUNDS, **variables: str) -> tuple[int, str, str]:
    done = run_bounded(list(command), Path("/"), {"PATH": os.environ["PATH"], **variables}, bounds)
    return done.returncode, done.stdout, done.stderr


def test_its_answer_is_told() -> None:
    assert run("sh", "-c", 'pwd; echo "$A"; echo "$0 b" >&2; exit 3', "a b", A="x y") == (3, "/\nx y\n", "a b b\n")
    assert run("printf", r"\377")[1] == "\ufffd"


def test_a_command_that_is_not_there() -> None:
    with pytest.raises(FileNotFoundError):
        run("no-such-command")


def test_time_has_a_bound_and_what_it_began_ends_with_it() -> None:
    """The end of the pipe that the grandchild holds is seen once it has ended."""
    reading, writing = os.pipe()
    os.set_inheritable(writing, True)
    with pytest.raises(BoundReached, match=r"^0\.3 s$"):
        run("sh", "-c", "sleep 600 & wait", bounds=Bounds(0.3, BOUNDS.memory, BOUNDS.output))
    os.close(writing)
    assert os.read(reading, 1) == b""
    os.close(reading)


def test_memory_has_a_bound() -> None:
    program = "try: bytearray(200 << 20)\nexcept MemoryError: print('no more')"
    assert run(sys.executable, "-c", program, bounds=Bounds(60, 100 << 20, BOUNDS.output)) == (0, "no more\n", "")
    assert run(sys.executable, "-c", program) == (0, "", "")


def test_that_a_go_program_ran_out_of_memory_is_said_so() -> None:
    crash = "echo 'fatal error: runtime: out of memory' >&2; exit 2"
    with pytest.raises(BoundReached, match="512 MB of memory"):
        run("sh", "-c", crash)


def test_one_that_goes_on_after_it_ran_out_of_memory_is_ended() -> None:
    crash = "echo 'level=warning'; echo 'fatal error: out of memory allocating' >&2; sleep 600"
    with pytest.raises(BoundReached, match="512 MB of memory"):
        run("sh", "-c", crash)


def test_output_has_a_bound() -> None:
    with pytest.raises(BoundReached, match="1 MB of text"):
        run("head", "-c", "2000000", "/dev/zero")
