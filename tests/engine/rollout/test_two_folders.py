"""Two folders of one project on one engine, like those of two colleagues: they share what videa knows of the past."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.engine.conftest import LiveStack


def clone(stack: LiveStack, folder: Path) -> LiveStack:
    """The stack as seen from a copy of its folder, without what videa wrote there."""
    shutil.copytree(stack.directory, folder, ignore=shutil.ignore_patterns(".videa"))
    return replace(stack, directory=folder)


def answer(stack: LiveStack, *arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(stack.done(*arguments, "--json"))
    return found


def way_back(stack: LiveStack) -> dict[str, Any]:
    """What a rollback would do; without what it needs, which tells also what is free at that moment."""
    plan = answer(stack, "rollback", "--dry-run")
    del plan["needs"]
    return plan


def test_a_clone_sees_the_same_history_and_rolls_back_to_the_same_release(stack: LiveStack, tmp_path: Path) -> None:
    _, other = stack.releases()
    stack.done("deploy", "--image", other)
    colleague = clone(stack, tmp_path / "clone")
    past = answer(stack, "history")
    assert past["operations"][-1]["image"] == other
    assert answer(colleague, "history") == past
    back = way_back(stack)
    assert way_back(colleague) == back

    # Prunes everything with these labels; the containers of other tests stay.
    for label in ("videa.document", f"videa.declared.of={stack.project}/backend"):
        stack.docker("container", "prune", "--force", "--filter", f"label={label}")
    assert answer(colleague, "history") == past
    assert way_back(colleague) == back
    colleague.done("scale", "2")
    *before, last = answer(stack, "history")["operations"]  # the last twenty
    assert before == past["operations"][-len(before) :]
    assert last["command"].endswith("scale 2")


def test_a_clone_knows_what_doctor_saw(stack: LiveStack, tmp_path: Path) -> None:
    colleague = clone(stack, tmp_path / "clone")
    only = ("doctor", "--only", "balancer")
    stack.done("maintenance", "on")
    try:
        stack.videa(*only)
    finally:
        stack.done("maintenance", "off")
    assert "lb.maintenance" in " ".join(answer(colleague, *only)["gone"])
