"""Progress in a real terminal, and without one."""

from __future__ import annotations

import os
import pty
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ops.events import StepEnded, StepStarted
from ops.steps import Start
from tests.unit.ops.fakes import fake_stack
from videa_cli.json_output import Json
from videa_cli.render import Progress

ERASE, HIDE_CURSOR, SHOW_CURSOR = "\x1b[2K", "\x1b[?25l", "\x1b[?25h"


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """What is written to stderr, which is a terminal of 80 columns."""
    for name in ("NO_COLOR", "FORCE_COLOR", "TERM", "COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    master, slave = pty.openpty()
    with os.fdopen(slave, "w") as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        yield master
        stream.flush()
    os.close(master)


def written(master: int, folder: Path, as_json: Json = Json.NO) -> str:
    progress = Progress(as_json)
    progress.watch(fake_stack(folder))
    progress(StepStarted(Start(1)))
    progress(StepEnded(Start(1), 1.5))
    progress.close()
    sys.stderr.flush()
    return os.read(master, 65536).decode()


def test_a_terminal_shows_the_running_step_and_is_clean_afterwards(terminal: int, tmp_path: Path) -> None:
    text = written(terminal, tmp_path)
    assert "start 1 replica ..." in text
    assert "start 1 replica  " in text
    assert HIDE_CURSOR in text
    assert text.rindex(SHOW_CURSOR) > text.rindex(HIDE_CURSOR)
    assert ERASE in text[text.index("...") :]


@pytest.mark.parametrize("variable", [("NO_COLOR", "1"), ("TERM", "dumb")], ids=["NO_COLOR", "dumb"])
def test_there_are_only_lines_where_nothing_can_be_drawn(
    terminal: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variable: tuple[str, str]
) -> None:
    monkeypatch.setenv(*variable)
    text = written(terminal, tmp_path)
    assert "✓ start 1 replica" in text
    assert "..." not in text
    assert HIDE_CURSOR not in text


@pytest.mark.parametrize("as_json", [Json.RESULT, Json.EVENTS])
def test_with_json_there_are_only_lines(terminal: int, tmp_path: Path, as_json: Json) -> None:
    assert HIDE_CURSOR not in written(terminal, tmp_path, as_json)


def test_a_pipe_gets_lines_even_if_colours_are_forced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    progress = Progress()
    progress(StepStarted(Start(1)))
    progress(StepEnded(Start(1), 1.5))
    progress.close()
    assert HIDE_CURSOR not in capsys.readouterr().err
