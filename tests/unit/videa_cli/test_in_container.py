"""The command lines of `videa exec` and `videa run`: what is videa's and what is the command's."""

from __future__ import annotations

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ops.errors import UsageError
from ops.models import UserCommand
from tests.unit.ops.fakes import FakeStack, fake_stack
from videa_cli.commands import Commands


@pytest.fixture
def stack(tmp_path: Path) -> FakeStack:
    return fake_stack(tmp_path)


def videa(stack: FakeStack, line: str) -> tuple[int, str, UserCommand]:
    """(exit code, container, command) of a command line."""
    seen: list[tuple[str, UserCommand]] = []
    platform: Any = stack.platform
    hand_over, create_like = platform.hand_over, platform.create_like
    platform.hand_over = lambda name, command: (seen.append((name, command)), hand_over(name, command))
    platform.create_like = lambda model, name, command: (
        seen.append((model.name, command)),
        create_like(model, name, command),
    )
    name, *arguments = line.split()
    options = SimpleNamespace(stack=lambda: stack)
    with pytest.raises(SystemExit) as ended:
        Commands()[name].main(arguments, obj=options, standalone_mode=False)
    assert isinstance(ended.value.code, int)
    return (ended.value.code, *seen[0])


@pytest.mark.parametrize(
    ("line", "container", "words"),
    [
        ("exec -- sh -c env", "shop-app-1", "sh -c env"),
        ("exec app -- sh -c env", "shop-app-1", "sh -c env"),
        ("exec app sh -c env", "shop-app-1", "sh -c env"),
        ("exec app --replica 2 -- ls --help", "shop-app-2", "ls --help"),
        ("exec --replica app-2 app ls -e --help", "shop-app-2", "ls -e --help"),
        ("exec -- git log -- file", "shop-app-1", "git log -- file"),
        ("run -- ./migrate --dry-run", "shop-app-1", "./migrate --dry-run"),
        ("run app ./migrate --env x", "shop-app-1", "./migrate --env x"),
    ],
)
def test_the_command_follows_two_dashes_or_the_service(stack: FakeStack, line: str, container: str, words: str) -> None:
    stack.platform.exit_code = 5
    code, name, command = videa(stack, line)
    assert (code, name, command.words) == (5, container, tuple(words.split()))


def test_the_options_are_those_of_docker(stack: FakeStack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSED", "on")
    _, _, command = videa(stack, "exec -u root -w /srv -e A=1 --env PASSED -- env")
    assert command == UserCommand(("env",), False, {"A": "1", "PASSED": "on"}, "root", "/srv")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("exec", "there is no command"),
        ("exec app", "there is no command"),
        ("exec app --", "there is no command"),
        ("exec app git log -- file", "'git' stands before --"),
    ],
)
def test_a_command_line_without_a_command_is_refused(stack: FakeStack, line: str, problem: str) -> None:
    name, *arguments = line.split()
    with pytest.raises(UsageError, match=problem):
        Commands()[name].main(arguments, standalone_mode=False)


@pytest.mark.parametrize(("option", "terminal"), [("", True), ("-T ", False)])
def test_a_terminal_is_passed_on_unless_it_is_not_wanted(
    stack: FakeStack, monkeypatch: pytest.MonkeyPatch, option: str, terminal: bool
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdin", Terminal())
    assert not videa(stack, f"exec {option}-- sh")[2].terminal  # the output is none
    monkeypatch.setattr("sys.stdout", Terminal())
    assert videa(stack, f"exec {option}-- sh")[2].terminal is terminal


def test_it_says_so_if_no_replica_serves(stack: FakeStack, capsys: pytest.CaptureFixture[str]) -> None:
    videa(stack, "exec -- sh")
    assert capsys.readouterr().err == ""
    stack.world.sick.update(stack.platform.names())
    videa(stack, "exec -- sh")
    assert capsys.readouterr().err == "no replica is ready and gets requests; this is shop-app-1\n"


def test_a_dry_run_starts_nothing_and_shows_no_secret(stack: FakeStack, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--dry-run", "--", "psql", "postgresql://app:hunter22@db/app"]
    Commands()["run"].main(arguments, obj=SimpleNamespace(stack=lambda: stack), standalone_mode=False)
    shown = capsys.readouterr().out
    assert shown.startswith("would run in a container like shop-app-1 (release old, app:old): psql ")
    assert "hunter22" not in shown
    assert stack.platform.one_offs == {}
