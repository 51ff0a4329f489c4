"""`videa abort` reports the result of the rollback that it requested."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.errors import OperationFailed
from ops.rollout.entries import Header
from ops.rollout.journal import Journal
from ops.rollout.lock import Lock
from ops.steps import Target
from tests.unit.ops.fakes import fake_stack
from videa_cli.commands.abort import check_ended
from videa_cli.exit_codes import ExitCode, exit_code_of

HEADER = Header("videa deploy", "me@here", 1.0, 2, Target("new", "app:new"), ("app-1",), ("app-1",), {})


def test_an_operation_that_left_its_journal_was_not_rolled_back(tmp_path: Path) -> None:
    stack = fake_stack(tmp_path)
    lock, journal = Lock(stack.store, "shop"), Journal(stack.store, "shop")
    check_ended(lock, journal)
    journal.begin(HEADER)
    with pytest.raises(OperationFailed, match="not rolled back completely") as caught:
        check_ended(lock, journal)
    assert exit_code_of(caught.value) == ExitCode.NOT_ROLLED_BACK
    with lock.hold("videa scale 3"):  # another operation has started: the journal belongs to it
        check_ended(lock, journal)
