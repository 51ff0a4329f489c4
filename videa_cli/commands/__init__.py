"""The commands of videa, in the order of ``videa --help``. Each command is one file here and one line in TABLE."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup
from typer.main import get_command

from videa_cli.json_output import Command
from videa_cli.summaries import SUMMARIES

TABLE: Mapping[str, str] = {
    "init": "init:init",
    "up": "up:up",
    "down": "down:down",
    "scale": "scale:commands",
    "deploy": "deploy:deploy",
    "plan": "plan:plan",
    "promote": "promote:promote",
    "abort": "abort:abort",
    "rollback": "rollback:rollback",
    "push": "push:push",
    "images": "images:commands",
    "node": "node:commands",
    "rebalance": "rebalance:rebalance",
    "swarm": "swarm:commands",
    "history": "history:history",
    "lock": "lock:commands",
    "maintenance": "maintenance:commands",
    "status": "status:status",
    "stats": "stats:stats",
    "top": "top:top",
    "logs": "logs:logs",
    "events": "events:events",
    "ui": "ui:ui",
    "exec": "exec:commands",
    "run": "run:commands",
    "watch": "watch:watch",
    "autoscale": "autoscale:commands",
    "agent": "agent:commands",
    "tls": "tls:commands",
    "notify": "notify:commands",
    "metrics": "metrics:commands",
    "doctor": "doctor:doctor",
    "db": "db:db",
    "redis": "redis:redis",
    "config": "config:config",
    "validate": "validate:validate",
    "plugin": "plugin:commands",
}
"""Command -> "module:attribute" in this folder: its function, or a Typer app for a group or for special settings."""


class Commands(Mapping[str, Any]):
    """The commands of TABLE. Each is imported when it is first used."""

    def __init__(self) -> None:
        self._loaded: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        if name not in self._loaded:
            self._loaded[name] = _load(name)
        return self._loaded[name]

    def __iter__(self) -> Iterator[str]:
        return iter(TABLE)

    def __len__(self) -> int:
        return len(TABLE)

    def __contains__(self, name: object) -> bool:
        return name in TABLE


class LazyGroup(TyperGroup):
    """The top-level command group: its commands are those of TABLE."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**{**attributes, "commands": Commands()})

    def list_commands(self, ctx: Any) -> list[str]:
        """The names in the order of TABLE; imports nothing."""
        return list(TABLE)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """The list in the help; imports nothing."""
        limit = formatter.width - 6 - max(map(len, TABLE))
        with formatter.section("Commands"):
            formatter.write_dl(
                [(name, TyperCommand(name, help=text).get_short_help_str(limit)) for name, text in SUMMARIES.items()]
            )


def _load(name: str) -> Any:
    """Imports a command. Raises KeyError for a name that is not in TABLE."""
    module, _, attribute = TABLE[name].partition(":")
    target = getattr(import_module(f"{__name__}.{module}"), attribute)
    if not isinstance(target, typer.Typer):
        function, target = target, typer.Typer(add_completion=False, rich_markup_mode=None)
        target.command(name, cls=Command)(function)
    command = get_command(target)
    command.name = name
    return command
