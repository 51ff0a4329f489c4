"""The output for people: text from other programs is shown unchanged."""

from __future__ import annotations

import pytest

from ops.balancer.proof import Failure, Proof
from ops.errors import VideaError
from ops.events import PoolsUnchecked, announced
from ops.operations import Outcome
from ops.steps import Check, Plan, Target
from videa_cli.render import Progress, show_outcome, show_proof

LOOKS_LIKE_MARKUP = "test [red] -f [/tmp/x]"
"""A shell test and a path, which rich would interpret as markup."""


def test_the_text_of_a_step_and_of_its_failure_is_shown_unchanged(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress()
    with pytest.raises(VideaError), announced(LOOKS_LIKE_MARKUP, progress):
        progress(PoolsUnchecked(LOOKS_LIKE_MARKUP))
        raise VideaError(LOOKS_LIKE_MARKUP, "")
    assert capsys.readouterr().err.count(LOOKS_LIKE_MARKUP) == 3


def test_a_plan_shows_a_check_as_it_was_typed(capsys: pytest.CaptureFixture[str]) -> None:
    plan = Plan((Check((LOOKS_LIKE_MARKUP,), ()),), Target("1", "app:1"), "")
    show_outcome(Outcome(plan, 0.0, None), "deployed", as_json=False, dry_run=True)
    assert f"1. check {LOOKS_LIKE_MARKUP}" in capsys.readouterr().out


def test_a_failed_request_is_shown_with_its_path(capsys: pytest.CaptureFixture[str]) -> None:
    failure = Failure(0.0, "GET", "/search[/old]", 502, "")
    show_proof(Proof(requests=1, failed=1, slowest_ms=1.0, failures=(failure,), probes=0, gap=""))
    assert "GET /search[/old]: 502 (nginx itself)" in capsys.readouterr().out
