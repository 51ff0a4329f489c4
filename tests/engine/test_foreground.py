"""`videa exec` and `videa run` on a real stack: streams, a terminal, exit codes, and what they leave behind."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess

from bench.temporary_stack import clean_environment, videa_command
from tests.engine.conftest import LiveStack

TERMINAL = 'test -t 0 && test -t 1 && echo "on a terminal: $(hostname)"; exit 5'


def with_input(stack: LiveStack, given: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs videa with this input."""
    return subprocess.run(
        [videa_command(), *arguments],
        cwd=stack.directory,
        env={**clean_environment(), "PASSED": "passed on"},
        input=given,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def on_a_terminal(stack: LiveStack, *arguments: str) -> tuple[int, str]:
    """The exit code of videa on a terminal, and what it shows there."""
    ours, theirs = pty.openpty()
    streams = {"stdin": theirs, "stdout": theirs, "stderr": theirs, "start_new_session": True}
    process = stack.start_videa(*arguments, options=streams)
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 4096):
            shown += part
    except OSError:  # the last process has closed the terminal
        pass
    os.close(ours)
    return process.wait(60), shown.decode()


def one_offs(stack: LiveStack) -> list[str]:
    labels = (f"com.docker.compose.project={stack.project}", "com.docker.compose.oneoff=True")
    filters = [part for label in labels for part in ("--filter", f"label={label}")]
    return stack.docker("ps", "--all", *filters, "--format", "{{.Names}}").split()


def image_of(stack: LiveStack, container: str) -> str:
    return stack.docker("inspect", "--format", "{{.Image}}", container).strip()


def test_a_command_runs_in_a_replica_with_its_input_its_terminal_and_its_exit_code(stack: LiveStack) -> None:
    line = 'cat; echo "$PASSED $GIVEN $(pwd) $(id -u)"; echo trouble >&2; exit 3'
    options = ["--env", "PASSED", "--env", "GIVEN=secret", "--workdir", "/tmp", "--user", "root"]
    done = with_input(stack, "first\n", "exec", *options, "--", "sh", "-c", line)
    assert (done.returncode, done.stdout, done.stderr) == (3, "first\npassed on secret /tmp 0\n", "trouble\n")
    code, shown = on_a_terminal(stack, "exec", "--", "sh", "-c", TERMINAL)
    assert code == 5
    assert "on a terminal" in shown
    assert stack.videa("exec", "--", "no-such-command").returncode in (126, 127)
    assert stack.done("exec", "redis", "redis-cli", "--no-auth-warning", "ping") == "PONG\n"
    assert "secret" not in stack.done("history", "--json")


def test_a_one_off_container_is_of_the_release_that_serves_and_nothing_of_it_stays(stack: LiveStack) -> None:
    serving, other = stack.releases()
    (replica, *_), before = stack.replicas(), stack.snapshot()
    image = image_of(stack, replica)
    line = 'cat; getent hosts postgres redis | wc -l; echo "${DATABASE_URL:+known} $GIVEN"; exit 4'
    done = with_input(stack, "first\n", "run", "--env", "GIVEN=1", "--", "sh", "-c", line)
    assert (done.returncode, done.stdout.split()) == (4, ["first", "2", "known", "1"]), done.stderr
    assert stack.videa("run", "--", "no-such-command").returncode == 127
    code, shown = on_a_terminal(stack, "run", "--", "sh", "-c", TERMINAL)
    assert (code, "on a terminal" in shown) == (5, True)

    stack.docker("tag", other, serving)  # as when a build or a pull moves it
    try:
        process = stack.start_videa("run", "--", "sh", "-c", "trap 'exit 0' TERM; echo started; sleep 600 & wait")
        assert process.stdout
        assert process.stdout.readline() == "started\n"
    finally:
        stack.docker("tag", image, serving)
    (name,) = one_offs(stack)
    assert re.fullmatch(rf"{stack.project}-backend-run-\w+", name)
    assert image_of(stack, name) == image
    assert len(stack.status()["replicas"]) == 2
    assert name not in stack.served()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, "stopped and removed" in errors) == (130, True)
    assert one_offs(stack) == []
    assert stack.snapshot() == before
