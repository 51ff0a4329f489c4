"""How a service is deployed according to ``deploy.update_config`` and ``deploy.rollback_config`` of its Compose file.

x-videa takes precedence over these keys, and command-line options over both. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

import msgspec

from ops.errors import ConfigError
from ops.project.settings import FailureAction, Settings, Update, UpdateOrder, values
from ops.project.units import Seconds, parse_duration
from ops.typed import Converter

SECTIONS = {"update": "update_config", "rollback": "rollback_config"}
"""Key in x-videa -> key in ``deploy``."""

OPERATIONS = {"update": "deploy", "rollback": "rollback"}
"""Key in x-videa -> the videa command that uses it."""

IGNORED = "ignored: every new replica must be ready"
"""The note on ``max_failure_ratio``, which allows a share of the replicas to fail."""


@dataclass(frozen=True, slots=True)
class Rules:
    """The values for one service. ``taken``: (key, value, source) of the values that are set explicitly."""

    parallelism: int
    delay: float
    stop_first: bool
    pause: bool
    monitor: float
    taken: tuple[tuple[str, str, str], ...]


def update_rules(
    definition: Mapping[str, Any], settings: Settings, surge: int | None = None, section: str = "update"
) -> Rules:
    """The rules of a deploy of a service, or with the ``section`` "rollback" of `videa rollback`.

    ``definition``: of the service in the Compose file; ``surge``: of the command line. Raises ConfigError for values
    that videa does not support.
    """
    source = f"services.{settings.service}.deploy.{SECTIONS[section]}"
    written = (definition.get("deploy") or {}).get(SECTIONS[section]) or {}
    own: Update = getattr(settings, section)
    _check(written, own, source, section)
    compose = _read(written, source, own, section)
    chosen = {key: compose[key] if value is None else value for key, value in values(own)}
    taken = list(_taken(own, compose, source, section))
    if surge is not None:
        chosen["parallelism"] = surge
        taken = [("parallelism", str(surge), "--surge"), *(row for row in taken if row[0] != "parallelism")]
    if written.get("max_failure_ratio"):
        taken.append(("max_failure_ratio", str(written["max_failure_ratio"]), f"{source}, {IGNORED}"))
    return Rules(
        parallelism=1 if chosen["parallelism"] is None else chosen["parallelism"],
        delay=float(chosen["delay"] or 0),
        stop_first=chosen["order"] is UpdateOrder.STOP_FIRST,
        pause=chosen["failure_action"] is FailureAction.PAUSE,
        monitor=float(chosen["monitor"] or 0),
        taken=tuple(taken),
    )


def _check(written: Mapping[str, Any], own: Update, source: str, section: str) -> None:
    if str(written.get("failure_action")) == "continue" and own.failure_action is None:
        raise ConfigError(
            f"{source}.failure_action: continue would replace replicas that serve by ones that failed",
            f"write rollback or pause, or x-videa.{section}: {{failure_action: rollback}}",
        )


def _read(written: Mapping[str, Any], source: str, own: Update, section: str) -> dict[str, Any]:
    """The values of Compose, None for those that are missing or that x-videa replaces. Raises ConfigError."""
    wanted = {key: written.get(key) for key, value in values(own) if value is None}
    try:
        update = _UPDATE.convert(wanted)
    except msgspec.ValidationError as error:
        problem, _, path = str(error).partition(" - at `$.")
        key = path.rstrip("`")
        raise ConfigError(
            f"{source}.{key}: {problem[0].lower()}{problem[1:]}", f"change it, or set x-videa.{section}.{key}"
        ) from error
    return dict(values(update))


def _taken(own: Update, compose: Mapping[str, Any], source: str, section: str) -> Iterator[tuple[str, str, str]]:
    for key, value in values(own):
        if value is not None:
            yield key, _text(value), f"x-videa.{section}"
        elif compose[key] is not None:
            yield key, _text(compose[key]), source


def _text(value: object) -> str:
    return str(value.value if isinstance(value, Enum) else value)


def _duration(kind: type, value: object) -> Seconds:
    return parse_duration(value)


_UPDATE = Converter(Update, strict=False, dec_hook=_duration)
