"""The doctor's findings on their way to the agent."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from msgspec.structs import replace as with_fields

from ops.notify.findings import compared
from ops.notify.message import DOCUMENT
from ops.project.settings import Receiver
from tests.unit.ops.fakes import fake_stack


def test_a_second_run_queues_only_what_is_new(tmp_path: Path) -> None:
    stack = fake_stack(tmp_path)
    settings = with_fields(stack.project.settings, notify={"team": Receiver(apprise="URL")})
    project = replace(stack.project, settings=settings)
    found = {"pg.down": ("fail", "PostgreSQL is down")}
    for now, look in enumerate([found, found, found, {}, {}, {}], 1):
        compared(stack.store, project, look, ["pg.down"], float(now))
    assert [item.message.kind for item in DOCUMENT.read(stack.store, "shop").queue] == ["doctor.new", "doctor.gone"]
