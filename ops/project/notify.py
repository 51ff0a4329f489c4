"""The kinds of notifications, and checks of the receivers in x-videa.notify."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import fnmatchcase

from ops.errors import ConfigError
from ops.project.settings import Receiver

TEST = "test"
"""The kind that `videa notify test` sends; no pattern selects it."""

KINDS = (
    "deploy.began",
    "deploy.paused",
    "deploy.verdict",
    "deploy.hook_failed",
    "deploy.passed",
    "deploy.aborted",
    "deploy.interrupted",
    "scale.passed",
    "scale.aborted",
    "autoscale.changed",
    "autoscale.limited",
    "autoscale.failed",
    "replica.out",
    "replica.back",
    "replica.drift",
    "replica.left_out",
    "doctor.new",
    "doctor.gone",
    "agent.failed",
)
"""All kinds of notifications."""

NAME_ONLY = (
    "write the name of a variable that the agent has in its environment, not the URL or the key itself: "
    "see docs/notify.md"
)


def check_receivers(receivers: Mapping[str, Receiver]) -> None:
    """Raises ConfigError; its message never contains a value that could be a secret."""
    for name, receiver in receivers.items():
        where = f"x-videa.notify.{name}"
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}", name, re.ASCII):
            raise ConfigError("x-videa.notify: a target has no simple name", "use letters, digits, - and _")
        if bool(receiver.apprise) == bool(receiver.webhook):
            raise ConfigError(
                f"{where} needs one of apprise and webhook", f"for example {{apprise: {name.upper()}_URL}}"
            )
        if bool(receiver.webhook) != bool(receiver.key):
            raise ConfigError(f"{where}: a webhook needs a key, and only a webhook", "write {webhook: NAME, key: NAME}")
        for pattern in receiver.events:
            if not any(fnmatchcase(kind, pattern) for kind in KINDS):
                raise ConfigError(f"{where}.events: {pattern!r} selects nothing", f"there are: {', '.join(KINDS)}")
        if not receiver.events:
            raise ConfigError(
                f"{where}.events: it is empty", 'write patterns such as [deploy.*], or leave it out for "*"'
            )


def selects(receiver: Receiver, kind: str, severity: str) -> bool:
    """Whether a receiver gets a notification."""
    levels = [level.value for level in type(receiver.severity)]
    weighty = levels.index(severity) >= levels.index(receiver.severity.value)
    return kind != TEST and weighty and any(fnmatchcase(kind, pattern) for pattern in receiver.events)


def variables(receivers: Mapping[str, Receiver]) -> set[str]:
    """The names of the variables that contain their secrets."""
    return {name for each in receivers.values() for name in (each.apprise, each.webhook, each.key) if name}
