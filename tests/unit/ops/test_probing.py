"""What decides for a replica that has no path: its own check, or only that it goes on running."""

from __future__ import annotations

import pytest

from ops.declared import Declaration
from ops.models import ExecResult
from ops.probing import SETTLED, ask
from tests.unit.ops.rollout.model import member


class Nobody:
    """Runs no command: these probes need none."""

    def ask(self, *command: object) -> ExecResult:
        raise AssertionError(command)


@pytest.mark.parametrize(
    ("age", "live", "well"), [(SETTLED, False, True), (SETTLED - 1, False, False), (SETTLED - 1, True, True)]
)
def test_a_worker_without_a_check_is_ready_after_it_has_run_for_a_while(age: float, live: bool, well: bool) -> None:
    replica, worker = member(1).replica, Declaration(0)
    began = (replica.started or replica.created).timestamp()
    ((_, result),) = ask({replica: [worker]}, Nobody(), lambda: began + age, 1.0, live, 1)["app-1"]
    assert result.ok is well
    assert result.delay == (0 if well else SETTLED)
