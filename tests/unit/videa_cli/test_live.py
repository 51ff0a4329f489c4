"""Progress in a real terminal, and without one."""

from __future__ import annotations

import os
import pty
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from ops.events import ServiceReached, StepEnded, StepStarted
from ops.steps import Start
from tests.unit.ops.fakes import fake_stack
from videa_cli.json_output import Json
from videa_cli.render import Progress

ERASE, HIDE_CURSOR, SHOW_CURSOR = "\x1b[2K", "\x1b[?25l", "\x1b[?25h"


class Terminal:
    """A terminal of 80 columns in place of stderr."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._master, slave = pty.openpty()
        self._stream = os.fdopen(slave, "w")
        self._text = b""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        monkeypatch.setattr(sys, "stderr", self._stream)

    def _read(self) -> None:
        with suppress(OSError):  # the end of a terminal
            while chunk := os.read(self._master, 65536):
                self._text += chunk

    def close(self) -> str:
        """What was written."""
        self._stream.close()
        self._reader.join(10)
        os.close(self._master)
        return self._text.decode()


def written(monkeypatch: pytest.MonkeyPatch, folder: Path, as_json: Json = Json.NO, **variables: str) -> str:
    """What a deploy of one step shows."""
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)
    for name, value in ({"TERM": "xterm"} | variables).items():
        monkeypatch.setenv(name, value)
    terminal = Terminal(monkeypatch)
    progress = Progress(as_json)
    progress.watch(fake_stack(folder))
    progress(ServiceReached("removed-from-the-file"))
    progress(StepStarted(Start(1)))
    progress(StepEnded(Start(1), 1.5))
    progress.close()
    return terminal.close()


def test_a_terminal_shows_the_running_step_and_is_clean_afterwards(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = written(monkeypatch, tmp_path)
    assert "start 1 replica ..." in text
    assert "start 1 replica  " in text
    assert HIDE_CURSOR in text
    assert text.rindex(SHOW_CURSOR) > text.rindex(HIDE_CURSOR)
    assert ERASE in text[text.index("...") :]


@pytest.mark.parametrize("variable", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=["NO_COLOR", "dumb"])
def test_there_are_only_lines_where_nothing_can_be_drawn(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: dict[str, str]
) -> None:
    text = written(monkeypatch, tmp_path, **variable)
    assert "✓" in text
    assert "..." not in text
    assert HIDE_CURSOR not in text


@pytest.mark.parametrize("as_json", [Json.RESULT, Json.EVENTS])
def test_with_json_there_are_only_lines(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, as_json: Json) -> None:
    assert HIDE_CURSOR not in written(monkeypatch, tmp_path, as_json)


def test_a_pipe_gets_lines_even_if_colours_are_forced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    progress = Progress()
    progress(StepStarted(Start(1)))
    progress(StepEnded(Start(1), 1.5))
    progress.close()
    assert HIDE_CURSOR not in capsys.readouterr().err
