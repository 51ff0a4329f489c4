"""The commands that the page starts."""

from __future__ import annotations

import asyncio
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from ops.errors import UsageError
from videa_cli.ui import actions
from videa_cli.ui.actions import MOST_RUNNING, Actions, words_of


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"action": "promote"}, ("promote",)),
        ({"action": "abort", "service": "ignored"}, ("abort",)),
        ({"action": "maintenance on"}, ("maintenance", "on")),
        ({"action": "scale", "service": "web", "replicas": "03"}, ("scale", "web=3")),
        ({"action": "rollback", "service": "web"}, ("rollback", "--service", "web")),
        ({"action": "rollback", "service": "web", "release": "3f2a"}, ("rollback", "--service", "web", "3f2a")),
    ],
)
def test_an_action_is_a_command(form: dict[str, object], words: tuple[str, ...]) -> None:
    assert words_of(form, ["web"]) == words


async def test_the_output_and_the_exit_code_of_the_command_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "PROGRAM", "import sys; print(sys.argv[1:]); sys.exit(6)")
    changes: list[int] = []
    runner = Actions(("--project", "shop"), lambda: changes.append(1))
    action = runner.start(("scale", "web=3"))
    assert (action.code, action.command) == (None, "videa scale web=3")
    await asyncio.gather(*runner._tasks)
    assert (action.code, action.text) == (6, "['--project', 'shop', 'scale', 'web=3']")
    assert len(changes) == 2
    assert await runner.preview(("abort",)) == (False, "['--project', 'shop', 'abort', '--dry-run']")


async def test_the_command_that_runs_is_videa_under_its_own_name() -> None:
    assert "sys.argv[0] = 'videa'" in actions.PROGRAM
    possible, text = await Actions((), lambda: None).preview(("promote", "--no-such-option"))
    assert not possible
    assert "see videa promote --help" in text


async def test_only_some_commands_run_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(actions, "PROGRAM", "pass")
    runner = Actions((), lambda: None)
    for _ in range(MOST_RUNNING):
        runner.start(("abort",))
    with pytest.raises(UsageError, match="still running"):
        runner.start(("abort",))
    await asyncio.gather(*runner._tasks)
    runner.start(("abort",))
    await asyncio.gather(*runner._tasks)


async def test_a_command_outlives_the_page(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = (
        f"import pathlib, time; folder = pathlib.Path({str(tmp_path)!r}); (folder / 'begun').touch()\n"
        "while not (folder / 'go').exists(): time.sleep(0.01)\n"
        "(folder / 'done').touch()"
    )
    monkeypatch.setattr(actions, "PROGRAM", program)
    started: list[subprocess.Popen[bytes]] = []

    class Seen(subprocess.Popen[bytes]):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            started.append(self)

    monkeypatch.setattr(actions.subprocess, "Popen", Seen)
    runner = Actions((), lambda: None)
    runner.start(("scale", "web=3"))
    await asyncio.to_thread(appears, tmp_path / "begun")
    for task in runner._tasks:
        task.cancel()
    await asyncio.gather(*runner._tasks, return_exceptions=True)
    (tmp_path / "go").touch()
    assert await asyncio.to_thread(started[0].wait, 30) == 0
    appears(tmp_path / "done")


def appears(path: Path) -> None:
    deadline = time.monotonic() + 30
    while not path.exists():
        assert time.monotonic() < deadline, f"{path.name} never appears"
        time.sleep(0.01)
