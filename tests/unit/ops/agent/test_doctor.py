"""The agent runs the doctor in a process of its own, and not while an operation is under way."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ops.agent.doctor import BUSY, CONFIRM, DoctorRuns, pause
from ops.errors import EngineError, PlanRefused
from ops.events import discard
from ops.notify.message import DOCUMENT, State
from ops.rollout.journal import Journal
from tests.unit.ops.fakes import fake_stack
from tests.unit.ops.rollout.test_journal import HEADER


def runs(path: Path, script: str = "") -> DoctorRuns:
    """A duty whose doctor appends the project's name to a file. Its first round, which only waits, is over."""
    program = f"import sys; open({str(path / 'log')!r}, 'a').write(sys.argv[1])\n{script}"
    duty = DoctorRuns(
        fake_stack(path).store, "shop", lambda: None, lambda: True, 300.0, (sys.executable, "-c", program)
    )
    duty.run(discard)
    return duty


def log(path: Path) -> str:
    return (path / "log").read_text() if (path / "log").exists() else ""


def test_the_first_run_comes_after_the_interval(tmp_path: Path) -> None:
    duty = runs(tmp_path)
    assert (log(tmp_path), duty.every) == ("", 300.0)
    duty.run(discard)
    assert (log(tmp_path), duty.every) == ("shop", 300.0)


def test_it_waits_for_an_operation(tmp_path: Path) -> None:
    duty = runs(tmp_path)
    journal = Journal(duty.store, "shop")
    journal.begin(HEADER)
    duty.run(discard)
    assert (log(tmp_path), duty.every) == ("", BUSY)
    journal.end()
    duty.run(discard)
    assert log(tmp_path) == "shop"


def test_an_agent_that_must_do_nothing_or_does_not_watch_runs_none(tmp_path: Path) -> None:
    def off() -> None:
        raise PlanRefused("x-videa.agent is off", "")

    duty = runs(tmp_path)
    duty.check = off
    duty.run(discard)
    duty.check, duty.watches = lambda: None, lambda: False
    duty.run(discard)
    assert log(tmp_path) == ""


def test_why_it_failed_is_said(tmp_path: Path) -> None:
    duty = runs(tmp_path, "sys.exit('it is broken')")
    with pytest.raises(EngineError, match="could not run: it is broken"):
        duty.run(discard)


def test_what_is_new_is_looked_at_again_soon(tmp_path: Path) -> None:
    duty = runs(tmp_path)
    unconfirmed = State(findings={}, unconfirmed=("pg.down",))
    DOCUMENT.change(duty.store, "shop", lambda before: unconfirmed)
    duty.run(discard)
    assert duty.every == CONFIRM
    DOCUMENT.change(duty.store, "shop", lambda before: State(findings={"pg.down": "PostgreSQL is down"}))
    duty.run(discard)
    assert duty.every == 300.0


def test_what_only_other_runs_check_does_not_make_it_run_more_often() -> None:
    assert pause(300.0, {"deploy.drift"}, {"deploy.drift"}) == 300.0
    assert pause(300.0, {"deploy.drift"}, {"deploy.drift", "pg.down"}) == CONFIRM
    assert pause(20.0, set(), {"pg.down"}) == 20.0
