"""The wait for readiness ends at once for a replica that cannot become ready."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ops.errors import ReplicaNotReady
from ops.rollout.ready import await_ready
from tests.unit.ops.fakes import fake_stack

NAME = "shop-app-1"


@pytest.mark.parametrize(
    ("changes", "message", "hint"),
    [
        ({"state": "paused"}, f"{NAME} is paused", f"docker unpause {NAME}"),
        ({"state": "exited", "exit_code": 3}, "exited with exit code 3", "log"),
        ({"state": "exited", "oom_killed": True}, "killed for lack of memory", "memory limit"),
        ({"restarts": 1}, "exited", "log"),
    ],
)
def test_a_replica_that_cannot_become_ready_fails_at_once(
    tmp_path: Path, changes: dict[str, Any], message: str, hint: str
) -> None:
    stack = fake_stack(tmp_path)
    stack.platform.by_name[NAME] = replace(stack.platform.by_name[NAME], **changes)
    with pytest.raises(ReplicaNotReady, match=message) as failed:
        await_ready(stack, [NAME])
    assert hint in failed.value.hint


def test_a_removed_replica_is_named(tmp_path: Path) -> None:
    stack = fake_stack(tmp_path)
    stack.platform.remove(NAME)
    with pytest.raises(ReplicaNotReady, match=f"{NAME} is gone"):
        await_ready(stack, [NAME])
