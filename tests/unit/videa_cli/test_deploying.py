"""From the options of a deploy to what each service is asked to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.errors import UsageError
from ops.events import discard
from ops.operations import Operation
from ops.rollout import targets
from ops.rollout.request import Strategy
from tests.unit.ops.fakes import fake_shop
from tests.unit.ops.fakes.world import APP, MAIL
from videa_cli.deploying import Asked, deploy_services


def test_a_mistake_in_the_options_is_told_before_anything_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(targets, "built_target", lambda *_: pytest.fail("built"))
    operation = Operation(fake_shop(tmp_path), discard, "videa deploy")
    with pytest.raises(UsageError, match="--keep"):
        deploy_services(operation, [APP], None, True, Asked("blue-green", keep="soon"), dry_run=False)


def test_a_canary_is_for_the_service_with_requests_and_workers_are_rolled(tmp_path: Path) -> None:
    project = fake_shop(tmp_path).project
    asked = Asked("canary")
    assert asked.request(project).strategy is Strategy.CANARY
    assert asked.request(project.of(MAIL)).strategy is Strategy.ROLLING
