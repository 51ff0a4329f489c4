"""The command line before it changes anything: help, usage errors, exit codes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from ops import interrupts
from ops.errors import (
    Aftermath,
    BalancerError,
    EngineUnreachable,
    ImageUnavailable,
    Left,
    OperationFailed,
    PlanRefused,
    ReplicaNotReady,
    UsageError,
    explained,
)
from ops.rollout.lock import Lock
from tests.unit.ops.fakes.store import FakeStore
from videa_cli import main
from videa_cli.exit_codes import ExitCode, exit_code_of

ROOT = Path(__file__).parents[3]
COMMANDS = [
    *("up", "down", "scale", "deploy", "plan", "promote", "abort", "rollback", "history"),
    *("status", "stats", "top", "logs", "exec", "run", "watch", "doctor", "db", "redis", "config"),
]
PROGRAM = "from videa_cli.start import run; run()"


def videa(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DOCKER_HOST": "unix:///nowhere.sock"}
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, *arguments], capture_output=True, text=True, check=False, env=environment
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_listed_and_has_help_with_examples(command: str) -> None:
    line = next(line for line in videa("--help").stdout.splitlines() if line.startswith(f"  {command} "))
    assert line.endswith("."), "one complete sentence"
    assert not line.endswith("...")
    shown = videa(command, "--help")
    assert shown.returncode == 0
    assert "Examples:" in shown.stdout
    assert f"videa {command}" in shown.stdout.split("Examples:")[1]


@pytest.mark.parametrize(
    "command",
    [
        *(["scale"], ["deploy"], ["rollback"], ["promote"], ["abort"], ["up"], ["down"]),
        *(["lock", "release"], ["maintenance", "on"], ["maintenance", "off"]),
        *(["autoscale", "on"], ["autoscale", "off"], ["autoscale", "run"]),
        *(["run"], ["plugin", "install"], ["plugin", "remove"]),
    ],
)
def test_every_command_that_changes_something_has_dry_run(command: list[str]) -> None:
    assert "--dry-run" in videa(*command, "--help").stdout


def test_the_version_needs_no_command() -> None:
    shown = videa("--version")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.startswith("videa ")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_during_an_engine_call_is_reported_and_changes_nothing(tmp_path: Path, number: signal.Signals) -> None:
    """The engine accepts the connection and never answers, so the signal arrives while videa waits."""
    (tmp_path / "compose.yml").write_text(
        "x-videa: {service: web, balancer: lb}\nservices: {web: {image: a}, lb: {image: b}}\n"
    )
    with socket.create_server(("127.0.0.1", 0)) as engine:
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "scale", "3"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": str(ROOT), "DOCKER_HOST": f"tcp://127.0.0.1:{engine.getsockname()[1]}"},
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        with ExitStack() as connections:
            # docker compose may connect first; videa begins with the version.
            while not connections.enter_context(engine.accept()[0]).recv(64).startswith(b"GET /version"):
                pass
            # Like a terminal, also to docker compose; and repeatedly, like a person: a signal just before a blocking
            # call does not interrupt it.
            while process.poll() is None:
                os.killpg(process.pid, number)
                with suppress(subprocess.TimeoutExpired):
                    process.wait(2)
            errors = process.communicate()[1]
    assert (process.returncode, errors) == (ExitCode.INTERRUPTED, "interrupted; nothing was changed\n")


def test_after_a_change_an_interruption_does_not_say_that_nothing_was_changed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(interrupts._GATE, "changed", False)

    def interrupted_after(permit: Callable[[], object]) -> str:
        def command(**options: object) -> int:
            permit()
            raise KeyboardInterrupt

        monkeypatch.setattr(main, "app", command)
        assert main._run(["images", "load", "app.tar"]) == ExitCode.INTERRUPTED
        return capsys.readouterr().err

    assert interrupted_after(lambda: None) == "interrupted; nothing was changed\n"
    with Lock(FakeStore(), "shop").hold("videa init --remove") as lease:
        assert interrupted_after(lambda: None) == "interrupted; nothing was changed\n"
        changed = interrupted_after(lease.permit)
    assert changed == "interrupted; something may have changed: see videa status\n"


@pytest.mark.parametrize("group", [[], ["lock"], ["maintenance"], ["autoscale"]])
def test_without_a_command_the_help_is_shown(group: list[str]) -> None:
    shown = videa(*group)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout == videa(*group, "--help").stdout


@pytest.mark.parametrize(
    "arguments", [["bogus"], ["scale"], ["scale", "1", "2"], ["status", "--bogus"], ["deploy", "--surge", "x"]]
)
def test_a_usage_error_is_two_lines_and_exit_code_two(arguments: list[str]) -> None:
    refused = videa(*arguments)
    assert refused.returncode == ExitCode.USAGE
    assert refused.stdout == ""
    assert len(refused.stderr.splitlines()) == 2
    assert refused.stderr.startswith("error: ")
    assert "--help" in refused.stderr


def test_a_usage_error_with_json_is_one_object() -> None:
    refused = videa("status", "--json", "--bogus")
    assert refused.returncode == ExitCode.USAGE
    assert set(json.loads(refused.stdout)) == {"error", "hint"}


def test_errors_have_no_colours_in_a_pipe() -> None:
    assert "\033" not in videa("bogus").stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ImageUnavailable("", ""), 4),
        (BalancerError("", ""), 5),
        (PlanRefused("", ""), 6),
        (ReplicaNotReady("", ""), 1),
        (OperationFailed("", ""), 1),
    ],
)
def test_exit_codes_are_the_documented_ones(error: OperationFailed, code: int) -> None:
    assert exit_code_of(error) == code


@pytest.mark.parametrize(
    ("left", "code"),
    [
        (Left.UNCHANGED, 4),
        (Left.ROLLED_BACK, 4),
        (Left.NEW_SERVES, ExitCode.NOT_ROLLED_BACK),
        (Left.HALF_WAY, ExitCode.NOT_ROLLED_BACK),
        (Left.STOPPED, ExitCode.NOT_ROLLED_BACK),
        (Left.TAKEN_OVER, ExitCode.LOCKED),
    ],
)
def test_an_operation_that_was_not_rolled_back_has_its_own_code_for_every_error(left: Left, code: int) -> None:
    assert exit_code_of(explained(EngineUnreachable("", ""), Aftermath(left))) == code


def test_help_imports_neither_rich_nor_the_docker_sdk() -> None:
    program = (
        "import sys; sys.argv = ['videa', '--help']\n"
        "from videa_cli.start import run\n"
        "try: run()\nexcept SystemExit: pass\n"
        "print({'rich', 'docker', 'requests', 'msgspec'} & sys.modules.keys())"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.stdout.endswith("set()\n")


@pytest.mark.parametrize(
    ("modules", "heavy"),
    [
        ("videa_cli.commands.abort ops.factory ops.rollout.journal ops.rollout.lock", {"rich", "yaml"}),
        (
            "videa_cli.commands.status ops.views.status ops.engine.jobs",
            {"rich", "yaml", "ops.redaction.redactor"},
        ),
        ("videa_cli.commands.doctor ops.doctor ops.doctor.answer", {"rich", "yaml"}),
        ("videa_cli.commands.agent ops.agent.watcher ops.agent.health", {"rich", "yaml"}),
    ],
)
def test_what_is_often_run_starts_without_what_is_slow_to_import(modules: str, heavy: set[str]) -> None:
    """Neither the SDK, which is for other machines and for builds, nor what is only for text or for a changed file."""
    of_a_project = "ops.project.loading ops.factory ops.stack ops.platform.compose.platform ops.balancer.nginx"
    names = f"{modules} {of_a_project}".split()
    unwanted = sorted({"docker", "requests", "urllib3"} | heavy)
    program = f"import sys, {', '.join(names)}\nprint([name for name in {unwanted} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("arguments", [[b"scale", b"\xff"], [b"-p", b"caf\xe9", b"deploy"], [b"\xed\xa0\x80"]])
def test_arguments_that_are_not_utf8_are_refused(arguments: list[bytes]) -> None:
    refused = videa(*map(os.fsdecode, arguments))
    assert refused.returncode == ExitCode.USAGE
    assert "bytes that are not UTF-8" in refused.stderr
    assert len(refused.stderr.splitlines()) == 2


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_what_the_output_has_no_character_for_is_escaped(tmp_path: Path, encoding: str) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    (folder / "compose.yml").write_text(
        "name: shop\nx-videa: {service: web, balancer: lb, shared_volumes: [/\u00e9]}\n"
        "services: {web: {image: a}, lb: {image: b}}\n"
    )
    shown = subprocess.run(
        [sys.executable, "-c", PROGRAM, "config"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": encoding},
        capture_output=True,
        check=False,
    )
    assert (shown.returncode, shown.stderr) == (0, b"")
    assert rb"caf\udce9" in shown.stdout
    assert "[/\u00e9]".encode(encoding, "backslashreplace") in shown.stdout


def test_options_for_env_files_and_profiles_reach_compose(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COMPOSE_PROFILES", "debug")
    monkeypatch.setenv("COMPOSE_ENV_FILES", "other.env")
    main._pass_to_compose(["a.env", "/b.env"], ["extra", "debug"])
    assert os.environ["COMPOSE_ENV_FILES"] == f"{tmp_path}/a.env,/b.env"
    assert os.environ["COMPOSE_PROFILES"] == "debug,extra"
    main._pass_to_compose([], [])
    assert os.environ["COMPOSE_ENV_FILES"] == f"{tmp_path}/a.env,/b.env"
    with pytest.raises(UsageError, match="separates env files with commas"):
        main._pass_to_compose(["a,b"], [])
