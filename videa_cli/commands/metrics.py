"""videa metrics rules, dashboard"""

from __future__ import annotations

import json

import typer

from videa_cli.context import group


def rules() -> None:
    """Print alert rules for Prometheus, made from the doctor's checks and thresholds.

    JSON is YAML, too, so Prometheus reads it as it is.

    \b
    Examples:
      videa metrics rules >alerts.yml
    """
    from ops.metrics.rules import alert_rules

    typer.echo(json.dumps(alert_rules(), indent=2))


def dashboard() -> None:
    """Print a dashboard for Grafana.

    \b
    Examples:
      videa metrics dashboard >videa.json
    """
    from ops.metrics import rules as made

    typer.echo(json.dumps(made.dashboard(), indent=2))


commands = group("Print files for your own Prometheus and Grafana.")
commands.command("rules")(rules)
commands.command("dashboard")(dashboard)
