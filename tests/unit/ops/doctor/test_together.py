"""Several sources ask one container by one command, and no source waits for one that does not ask."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ops.doctor import together
from ops.doctor.together import Together
from ops.errors import EngineError
from ops.models import ExecResult


class Shell:
    """Runs the commands of every container here. ``broken``: common commands leave no answer."""

    def __init__(self, broken: bool = False) -> None:
        self.broken = broken
        self.ran: list[str] = []

    def ask(self, container: str, command: list[str], environment: Mapping[str, str] | None = None) -> ExecResult:
        self.ran.append(container)
        if self.broken and together.MARK in command[-1]:
            return ExecResult(1, "read-only file system")
        path = {"PATH": "/usr/bin:/bin", **(environment or {})}
        ran = subprocess.run(command, env=path, capture_output=True, text=True, check=False)
        return ExecResult(ran.returncode, ran.stdout + ran.stderr)


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(together, "STAGGER", 0)
    monkeypatch.setattr(together, "PATIENCE", 60)


def ask(shell: Any, questions: Mapping[str, tuple[str, str]], leaves: str = "") -> dict[str, ExecResult]:
    """Asks from a thread for each party. ``questions``: party -> container and script; ``leaves``: one without any."""
    common = Together(shell, *questions, *filter(None, [leaves]))

    def one(party: str) -> ExecResult:
        with common.of(party) as asked:
            container, script = questions[party]
            return asked.ask(container, ["sh", "-c", script, "x", "it's"], {f"OF_{party}": party})

    with ThreadPoolExecutor(len(questions)) as pool:
        answers = {party: pool.submit(one, party) for party in questions}
        if leaves:
            with common.of(leaves):
                pass
        return {party: answer.result() for party, answer in answers.items()}


def test_each_gets_the_output_and_the_code_of_its_own_script() -> None:
    shell = Shell()
    answers = ask(shell, {"a": ("nginx", 'echo "$1 $OF_a"; exit 3'), "b": ("nginx", 'printf %s "$OF_b"; echo no >&2')})
    assert (answers["a"].code, answers["a"].output.strip()) == (3, "it's a")
    assert (answers["b"].code, answers["b"].output.strip()) == (0, "bno")
    assert shell.ran == ["nginx"]


def test_nobody_waits_for_a_source_that_has_failed_before_it_asked() -> None:
    shell = Shell()
    answers = ask(shell, {"a": ("nginx", "echo a"), "b": ("nginx", "echo b")}, leaves="c")
    assert {party: answer.output.strip() for party, answer in answers.items()} == {"a": "a", "b": "b"}
    assert shell.ran == ["nginx"]


def test_a_late_source_and_one_of_another_container_ask_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(together, "PATIENCE", 0)
    shell: Any = Shell()
    common = Together(shell, "early", "late")
    for party in ("early", "late"):
        with common.of(party) as asked:
            assert asked.ask("nginx", ["echo", party]).output.strip() == party
    assert shell.ran == ["nginx", "nginx"]
    apart = ask(other := Shell(), {"a": ("nginx", "echo a"), "b": ("redis", "echo b")})
    assert {party: answer.output.strip() for party, answer in apart.items()} == {"a": "a", "b": "b"}
    assert sorted(other.ran) == ["nginx", "redis"]


def test_where_no_file_can_be_written_each_asks_alone() -> None:
    shell = Shell(broken=True)
    answers = ask(shell, {"a": ("nginx", "echo a"), "b": ("nginx", "echo b")})
    assert {party: answer.output.strip() for party, answer in answers.items()} == {"a": "a", "b": "b"}
    assert len(shell.ran) == 3


def test_every_source_gets_the_error_of_the_engine() -> None:
    class Gone:
        def ask(self, *_: object) -> ExecResult:
            raise EngineError(f"gone in {threading.current_thread().name}", "")

    gone: Any = Gone()
    common = Together(gone, "a", "b")

    def one(party: str) -> str:
        with common.of(party) as asked, pytest.raises(EngineError) as failed:
            asked.ask("nginx", ["true"])
        return failed.value.message

    with ThreadPoolExecutor(2) as pool:
        assert len(list(pool.map(one, ("a", "b")))) == 2
