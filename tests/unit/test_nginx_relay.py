"""ops/balancer/image/relay.pl never makes the command wait, and says how many lines it has dropped."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path
from typing import IO, cast

from ops.balancer.access_log import dropped

RELAY = Path(__file__).parents[2] / "ops" / "balancer" / "image" / "relay.pl"
LINES = 200_000
"""Each of 100 bytes: more than all buffers hold."""


class Relay(subprocess.Popen[bytes]):
    """Runs a shell script under relay.pl. Use as a context manager."""

    def __init__(self, script: str) -> None:
        pipe = subprocess.PIPE
        super().__init__(["perl", str(RELAY), "sh", "-c", script], stdin=pipe, stdout=pipe, stderr=pipe)
        self.out, self.err = cast(IO[bytes], self.stdout), cast(IO[bytes], self.stderr)

    def __exit__(self, *exception: object) -> None:
        self.terminate()  # relay.pl passes it on
        super().__exit__(*exception)  # type: ignore[arg-type]


def test_output_and_exit_code_are_those_of_the_command() -> None:
    with Relay("echo out; printf part; echo error >&2; exit 3") as process:
        assert process.communicate() == (b"out\npart", b"error\n")
        assert process.returncode == 3


def test_a_killed_command_ends_as_in_a_shell() -> None:
    with Relay("kill -KILL $$") as process:
        assert process.wait() == 128 + signal.SIGKILL


def test_a_command_that_does_not_exist_is_said() -> None:
    missing = subprocess.run(["perl", str(RELAY), "no-such-command"], capture_output=True, text=True, check=False)
    assert missing.returncode != 0
    assert missing.stderr == "relay: no-such-command: No such file or directory\n"


def test_signals_are_passed_on() -> None:
    with Relay("trap 'echo reloaded; exit 7' HUP; echo ready; while :; do sleep 0.1; done") as process:
        assert process.out.readline() == b"ready\n"
        process.send_signal(signal.SIGHUP)
        assert process.out.readline() == b"reloaded\n"
        assert process.wait() == 7


def test_a_log_that_nobody_reads_does_not_make_the_command_wait_and_what_is_dropped_is_counted() -> None:
    with Relay(f"seq -f %099.0f {LINES}; echo written >&2; read end") as process:
        assert process.err.readline() == b"written\n"
        number = missing = 0
        while number < LINES:
            line = process.out.readline().rstrip(b"\n")
            lost = dropped(line)
            missing += lost.dropped if lost else 0
            number += lost.dropped if lost else 1
            assert lost or int(line) == number
        assert missing > LINES / 2


def test_dropped_lines_of_the_error_log_are_said_in_it() -> None:
    with Relay(f"seq -f %099.0f {LINES} >&2; echo written; read end") as process:
        assert process.out.readline() == b"written\n"
        kept, line = 0, process.err.readline()
        while line.rstrip().isdigit():
            kept, line = kept + 1, process.err.readline()
        assert line == b"[warn] videa: %d log lines dropped\n" % (LINES - kept)


def test_the_end_does_not_wait_for_a_reader() -> None:
    with Relay(f"seq -f %099.0f {LINES}; exit 5") as process:
        assert process.wait(timeout=30) == 5
