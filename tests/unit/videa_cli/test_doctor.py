"""`videa --verbose doctor` shows the traceback of a bug in videa."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from ops.doctor.collect import run_all
from ops.doctor.limits import Limits
from ops.doctor.report import examine
from tests.unit.ops.doctor.stack import healthy, report_on
from videa_cli.commands.doctor import _show_bugs
from videa_cli.main import app


def broken() -> None:
    raise TypeError("no such thing")


def test_the_traceback_of_a_bug_is_shown_once(capsys: pytest.CaptureFixture[str]) -> None:
    _, skipped, _ = run_all({"traffic": broken}, deadline=5)
    _show_bugs(examine(replace(healthy(), traffic=None, skipped=skipped), Limits()))
    shown = capsys.readouterr().err
    assert shown.count("Traceback") == 1
    assert "TypeError: no such thing" in shown


def test_without_a_bug_nothing_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    _show_bugs(report_on())
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("option", [["--fix"], ["--bundle", "b.tar.gz"], ["--prove"]])
def test_a_bundle_cannot_be_fixed_proven_or_bundled_again(option: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.nice", lambda _: 0)
    answer = CliRunner().invoke(app, ["doctor", "--from", "a.tar.gz", *option])
    assert answer.exit_code == 3
    assert "--from examines a bundle" in answer.output + answer.stderr
