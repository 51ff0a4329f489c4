"""The option --json of commands that change something: a result, or all events as JSON Lines as they happen."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer
from typer.core import TyperCommand

from videa_cli.streams import Unbroken

if TYPE_CHECKING:
    from ops.events import Event


class Json(StrEnum):
    """``NO`` is false."""

    NO = ""
    RESULT = "result"
    EVENTS = "events"


def _format(given: object) -> Json:
    if given in (Json.RESULT, Json.EVENTS, Json.NO):
        return Json(str(given))
    raise typer.BadParameter(f"{given!r}; use --json for the result, or --json=events for the events")


AsJson: TypeAlias = Annotated[
    Json,
    typer.Option(
        "--json",
        parser=_format,
        metavar="[=events]",
        show_default=False,
        help="Print the outcome as JSON, or also each event: see docs/events.md.",
    ),
]


class Command(TyperCommand):
    """A command whose ``--json`` never takes the next word, so that `videa scale --json 3` keeps its meaning."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Gives a plain ``--json`` its value."""
        takes_value = any("--json" in option.opts and not getattr(option, "is_flag", True) for option in self.params)
        plain = {place for place, word in enumerate(own_words(args)) if takes_value and word == "--json"}
        return super().parse_args(
            ctx, [f"--json={Json.RESULT.value}" if place in plain else word for place, word in enumerate(args)]
        )


def own_words(arguments: Sequence[str]) -> Sequence[str]:
    """The arguments that may be options of videa: those before ``--``."""
    return arguments[: arguments.index("--")] if "--" in arguments else arguments


def wanted_json(arguments: Sequence[str]) -> Json:
    """The output that a command line asks for, even if the command line is invalid."""
    own = own_words(arguments)
    if f"--json={Json.EVENTS.value}" in own:
        return Json.EVENTS
    return Json.RESULT if {"--json", f"--json={Json.RESULT.value}"} & set(own) else Json.NO


def show_event(event: Event, moment: float | None = None) -> None:
    """Prints an event as one line. ``moment``: Unix time at which it happened, None for now."""
    import msgspec

    _print_line(msgspec.to_builtins(event), moment)


def show_result(result: Mapping[str, Any], as_json: Json, exit_code: int = 0) -> None:
    """Prints a result as one object. After events, it is the last line: the outcome with the exit code."""
    if as_json is Json.EVENTS:
        _print_line({"type": "outcome", "exit_code": exit_code, **result})
    else:
        import json

        sys.stdout.write(json.dumps(result) + "\n")


def show_text_or_json(result: Mapping[str, Any], text: str, as_json: Json) -> None:
    """Prints a result for a person or for a script."""
    if as_json:
        show_result(result, as_json)
    else:
        typer.echo(text)


def _print_line(fields: Mapping[str, Any], moment: float | None = None) -> None:
    """Prints one object with the time, and flushes it. If the reader has exited, the operation continues."""
    import json

    when = datetime.now(UTC) if moment is None else datetime.fromtimestamp(moment, UTC)
    shown = when.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    stream = Unbroken(sys.stdout)
    stream.write(json.dumps({"time": shown, **fields}) + "\n")
    stream.flush()
