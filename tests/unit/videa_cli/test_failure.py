"""An error is two lines, whatever it repeats of the input."""

from __future__ import annotations

import json

import pytest

from ops.errors import ConfigError, EngineError, ReplicaNotReady
from videa_cli.failure import LONGEST_LINE, one_line, show_failure
from videa_cli.json_output import Json


@pytest.mark.parametrize("text", ["a\nb", "\x1b[31mred", "\udcff", "\u2028", "\x85", "\x0c", "é", "x" * 100_000])
def test_the_message_is_one_line_that_a_terminal_can_show(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    show_failure(ConfigError(text, text), as_json=Json.NO, verbose=False)
    shown = capsys.readouterr().err
    assert len(shown.splitlines()) == 2
    assert shown.replace("\n", "").isprintable()
    assert len(shown) < 2 * LONGEST_LINE + 100


def test_what_is_shown_of_a_long_line_is_its_begin_and_its_end() -> None:
    assert one_line(f"begin {'x' * 5000} end") == f"begin {'x' * 494} ... {'x' * 496} end"
    assert one_line("a\nb\\n") == r"a\nb\n"


def test_the_log_of_a_replica_that_fails_is_shown_without_being_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    error = ReplicaNotReady("app-3 exited", "see its log", "starting\n\x1b[31mno database\n")
    show_failure(error, as_json=Json.NO, verbose=False)
    assert capsys.readouterr().err == "error: app-3 exited\n hint: see its log\n\nstarting\n\\x1b[31mno database\n"
    show_failure(error, as_json=Json.RESULT, verbose=False)
    assert json.loads(capsys.readouterr().out)["detail"] == error.detail
    once = ReplicaNotReady("app-3 exited: no database", "see its log", "no database\n")
    show_failure(once, as_json=Json.NO, verbose=True)
    assert capsys.readouterr().err == "error: app-3 exited: no database\n hint: see its log\n"
    show_failure(EngineError("docker failed", "try again", "output"), as_json=Json.NO, verbose=False)
    assert "output" not in capsys.readouterr().err
