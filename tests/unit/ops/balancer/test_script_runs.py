"""A container that restarts, or an engine that is busy, delays a script and does not end it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from ops.balancer.script_runs import ContainerEnded, ScriptRuns
from ops.errors import BalancerError, EngineError
from ops.models import ExecResult


class Container:
    """Gives its answers one after the other, and raises those that are errors."""

    def __init__(self, *answers: ExecResult | EngineError) -> None:
        self.answers = list(answers)

    def ask(self, container: str, command: list[str], environment: Mapping[str, str] | None = None) -> ExecResult:
        answer = self.answers.pop(0)
        if isinstance(answer, EngineError):
            raise answer
        return answer

    exec = ask


LOST, ENDED, WELL = ExecResult(1, ""), ExecResult(137, ""), ExecResult(0, "nginx version")
RESTARTING = EngineError("container nginx is restarting", "")
GONE = EngineError("container nginx is not running", "")


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ops.balancer.script_runs.RESTART_POLL", 0)


def runs(*answers: ExecResult | EngineError) -> ScriptRuns:
    return ScriptRuns(Container(*answers), "nginx")  # type: ignore[arg-type]


def test_a_look_is_repeated_until_it_has_an_answer() -> None:
    assert runs(LOST, ENDED, RESTARTING, LOST, WELL).look("0") == WELL


def test_a_change_is_repeated_only_if_it_has_not_begun() -> None:
    assert runs(RESTARTING, RESTARTING, WELL).run("apply") == WELL
    with pytest.raises(ContainerEnded, match="ended in the meantime"):
        runs(ENDED, WELL).run("apply")


def test_a_container_that_is_stopped_is_an_error_at_once() -> None:
    with pytest.raises(BalancerError, match="is not running"):
        runs(GONE, WELL).look("0")


def test_each_try_of_a_change_asks_for_its_permit() -> None:
    asked: list[int] = []

    def permit() -> int:
        asked.append(1)
        return 7

    runs(RESTARTING, WELL).run("apply", permit=permit)
    assert len(asked) == 2
