"""The published files are current, and every rule names a check and metrics that exist."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from ops.doctor.limits import Limits
from ops.doctor.registry import CHECKS
from ops.metrics.rules import AGENT, PANELS, alert_rules, dashboard, rules

ROOT = Path(__file__).parents[4]
SOURCES = "".join((ROOT / name).read_text() for name in ("server/exposition.py", "ops/metrics/exposition.py"))


def test_the_published_files_are_current() -> None:
    """To write them: `videa metrics rules` and `dashboard`, each into its file."""
    assert json.loads((ROOT / "compose/metrics/alerts.yml").read_text()) == alert_rules()
    assert json.loads((ROOT / "compose/metrics/dashboard.json").read_text()) == dashboard()


def test_every_rule_is_of_a_check() -> None:
    known = {check.id for check in CHECKS}
    assert {rule.check for rule in rules() if not rule.check.startswith(AGENT)} <= known
    names = [each["alert"] for each in alert_rules()["groups"][0]["rules"]]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("expression", [*(rule.expression for rule in rules()), *(panel[1] for panel in PANELS)])
def test_every_metric_exists(expression: str) -> None:
    metrics = re.findall(r"\b(?:videa|process)_[a-z0-9_]+", expression)
    assert metrics
    for metric in metrics:
        assert f'"{re.sub("_(total|bucket)$", "", metric)}"' in SOURCES, metric


def test_thresholds_are_the_doctors() -> None:
    strict = {rule.check: rule.expression for rule in rules(replace(Limits(), lb_p99=0.25))}
    assert strict["lb.p99"].endswith("> 0.25")
