"""The x-videa section of a Compose file: its keys, defaults and limits."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from enum import Enum
from typing import Annotated, Any, TypeAlias, get_origin

import msgspec
from msgspec import Meta

from ops.errors import ConfigError
from ops.probes import GOOD, Statuses, read_statuses
from ops.redaction.typed import shown, shown_command
from ops.traffic import is_key

UNITS = {"us": 1e-6, "µs": 1e-6, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(us|µs|ms|s|m|h)", re.ASCII)
DURATION = re.compile(rf"(?:{PART.pattern})+", re.ASCII)
LONGEST = 365 * 24 * 3600.0
"""Seconds; a longer duration is an error."""
NEVER_ZERO = (
    "health.interval",
    "health.timeout",
    "health.deadline",
    "canary.interval",
    "canary.deadline",
    "hooks.timeout",
)

Port = Annotated[int, Meta(ge=1, le=65535)]
Count = Annotated[int, Meta(ge=1, le=100)]
Percent = Annotated[float, Meta(gt=0, le=100)]


Command: TypeAlias = str | tuple[str, ...]
"""A string runs in ``sh -c``, a list runs as it is, like Compose's health checks."""


class Seconds(float):
    """A duration in Compose's format: 500ms, 30s, 1m30s or 1h."""

    def __str__(self) -> str:
        return f"{round(self * 1000)}ms" if self < 1 else f"{float(self):g}s"


class Sticky(Enum):
    """How a client stays on one replica."""

    NONE = "none"
    IP = "ip"
    COOKIE = "cookie"


class OnInconclusive(Enum):
    """The action for a canary without a verdict, because of too few requests or too little evidence."""

    ABORT = "abort"
    PAUSE = "pause"


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=False):
    """A mapping in which an unknown key is an error."""


class Health(Section, frozen=True):
    """How replicas are probed: every ``interval``, each probe at most ``timeout``, a new replica until ``deadline``.

    ``live``, ``ready``: paths, each also stands for the other; without any, the container's own health check decides,
    or a TCP connection if it has none. ``port``: None for that of the requests. ``headers``: of the probes; ``expect``:
    good statuses. A replica gets traffic after ``success_threshold`` (in the file: ``passes``) good probes in a row,
    and loses it after ``failure_threshold`` (``fails``) bad ones.
    """

    live: str = ""
    ready: str = ""
    port: Port | None = None
    headers: dict[str, str] = {}
    expect: tuple[Statuses, ...] = GOOD
    interval: Seconds = Seconds(1)
    timeout: Seconds = Seconds(2)
    success_threshold: Count = msgspec.field(default=2, name="passes")
    failure_threshold: Count = msgspec.field(default=3, name="fails")
    deadline: Seconds = Seconds(60)


class Canary(Section, frozen=True):
    """How a canary gets its traffic, and its limits.

    ``by``: request, client, cookie:NAME or header:NAME, see ``ops.balancer.split``. ``deadline``: longest time of a
    step without a verdict; then ``on_inconclusive`` (in the file: ``in_doubt``) applies. ``warmup``: time after its
    first request during which the latency of a replica is not judged; None: until it is warm, see
    ``ops.balancer.tries.Warmup``.
    """

    steps: tuple[Percent, ...] = (5, 25, 50, 100)
    interval: Seconds = Seconds(30)
    min_requests: Annotated[int, Meta(ge=1)] = 100
    min_success_rate: Percent = 99
    max_p99: Seconds = Seconds(0.5)
    max_p99_ratio: Annotated[float, Meta(ge=1)] = 1.5
    by: str = "request"
    deadline: Seconds = Seconds(600)
    on_inconclusive: OnInconclusive = msgspec.field(default=OnInconclusive.ABORT, name="in_doubt")
    warmup: Seconds | None = None


class Hooks(Section, frozen=True):
    """Commands around a deploy, which run in one-off containers of the new release, each for at most ``timeout``.

    ``on_abort`` runs after everything was rolled back.
    """

    pre_deploy: Command = ""
    pre_traffic: Command = ""
    post_traffic: Command = ""
    post_deploy: Command = ""
    on_abort: Command = ""
    timeout: Seconds = Seconds(300)


class Settings(Section, frozen=True):
    """The complete section.

    ``shared_volumes``: names or targets of volumes that several replicas may write to at the same time.
    """

    service: str = "backend"
    port: Port = 3001
    balancer: str = "nginx"
    health: Health = Health()
    drain_timeout: Seconds = Seconds(30)
    sticky: Sticky = Sticky.NONE
    canary: Canary = Canary()
    keep_releases: Count = 3
    hooks: Hooks = Hooks()
    also: tuple[str, ...] = ()
    shared_volumes: tuple[str, ...] = ()

    @property
    def split_by(self) -> str:
        """What assigns a request to a side: with sticky sessions the client, so that it does not change sides."""
        return "client" if self.canary.by == "request" and self.sticky is not Sticky.NONE else self.canary.by


def parse_duration(text: object) -> Seconds:
    """Reads "500ms", "30s", "1m30s" or "1h". Raises ValueError."""
    if not isinstance(text, str) or not DURATION.fullmatch(text):
        raise ValueError(f"{text!r} is not a duration; write it as 500ms, 30s, 1m30s or 1h")
    seconds = sum(float(number) * UNITS[unit] for number, unit in PART.findall(text))
    if seconds > LONGEST:
        raise ValueError(f"the duration {text!r} is longer than a year")
    return Seconds(seconds)


def read_settings(section: dict[str, Any]) -> Settings:
    """Validates the x-videa section. Raises ConfigError with the key and the allowed values.

    Each value may come from a variable, so numbers and lists may be strings.
    """
    section = _with_lists(section, Settings)
    try:
        settings = msgspec.convert(section, Settings, strict=False, dec_hook=_decode)
    except msgspec.ValidationError as error:
        raise ConfigError(*_explain(str(error), section)) from error
    for key, number in _numbers("x-videa", settings):
        if not math.isfinite(number) or (number == 0 and key.removeprefix("x-videa.") in NEVER_ZERO):
            raise ConfigError(f"{key}: {number!s} is out of range", "write a number or duration above 0")
    steps = settings.canary.steps
    if not steps or list(steps) != sorted(set(steps)) or steps[-1] != 100:
        raise ConfigError(
            f"x-videa.canary.steps: {list(steps)} does not rise to 100",
            "write rising percentages, the last one 100",
        )
    if not is_key(settings.canary.by):
        raise ConfigError(
            f"x-videa.canary.by: {settings.canary.by!r} is not allowed",
            "allowed: request, client, cookie:NAME, header:NAME",
        )
    _check_health(settings.health)
    return settings


def _check_health(health: Health) -> None:
    for key, path in (("live", health.live), ("ready", health.ready)):
        if not re.fullmatch(r"(/[\w./?=&%-]*)?", path):
            raise ConfigError(f"x-videa.health.{key}: {path!r} is not a path", "write a path such as /health/live")
    if not health.expect:
        raise ConfigError("x-videa.health.expect: it is empty", 'write statuses, such as "200-399"')
    for name, value in health.headers.items():
        if not re.fullmatch(r"[\w-]+", name, re.ASCII) or not value.isprintable():
            raise ConfigError(
                f"x-videa.health.headers: {name!r} is not a header of one line", "write it as {Host: shop.example}"
            )


def _with_lists(section: dict[str, Any], kind: type[Section]) -> dict[str, Any]:
    """The section with lists in place of strings such as "5, 25, 100" or "[5, 25, 100]"."""
    lists = dict(section)
    for field in msgspec.structs.fields(kind):
        value = section.get(field.encode_name)
        if isinstance(value, int) and get_origin(field.type) is tuple:
            lists[field.encode_name] = [value]
        elif isinstance(value, str) and get_origin(field.type) is tuple:
            lists[field.encode_name] = value.strip().removeprefix("[").removesuffix("]").replace(",", " ").split()
        elif isinstance(value, dict) and isinstance(field.type, type) and issubclass(field.type, Section):
            lists[field.encode_name] = _with_lists(value, field.type)
    return lists


def _values(section: Section) -> Iterator[tuple[str, Any]]:
    """(key in the file, value) of a section."""
    return ((field.encode_name, getattr(section, field.name)) for field in msgspec.structs.fields(section))


def _numbers(prefix: str, section: Section) -> Iterator[tuple[str, float]]:
    for key, value in _values(section):
        if isinstance(value, Section):
            yield from _numbers(f"{prefix}.{key}", value)
        else:
            parts = value if isinstance(value, tuple) else (value,)
            yield from ((f"{prefix}.{key}", part) for part in parts if isinstance(part, int | float))


def effective(settings: Settings, written: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Every effective value: (key, value, "Compose file" or "default"), in the order of the section; hooks redacted."""
    return list(_flatten("x-videa", settings, written))


def _flatten(prefix: str, section: Section, written: object) -> Iterator[tuple[str, str, str]]:
    for key, value in _values(section):
        given = written.get(key) if isinstance(written, dict) else None
        name = f"{prefix}.{key}"
        if isinstance(value, Section):
            yield from _flatten(name, value, given)
        else:
            command = isinstance(section, Hooks) and isinstance(value, str | tuple)
            yield (
                name,
                _show(shown_command(value) if command else value),
                "default" if given is None else "Compose file",
            )


def _show(value: object) -> str:
    if value is None:
        return "auto"
    if isinstance(value, dict):
        return "{" + ", ".join(shown(f"{name}: {content}") for name, content in value.items()) + "}"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, tuple):
        return "[" + ", ".join(item if isinstance(item, str) else f"{item:g}" for item in value) + "]"
    return str(value)


def _decode(kind: type, value: object) -> object:
    if kind is Seconds:
        return parse_duration(value)
    if kind is Statuses:
        return read_statuses(value)
    raise NotImplementedError(kind)


def _explain(reason: str, section: dict[str, Any]) -> tuple[str, str]:
    """Translates msgspec's error ("Object contains unknown field `foo` - at `$.health`"): (message, hint)."""
    problem, _, path = reason.partition(" - at `")
    where = "x-videa" + path.rstrip("`").lstrip("$")
    unknown = re.search(r"unknown field `([^`]*)`", problem)
    if unknown:
        return f"{where}: unknown key {unknown[1]!r}", f"allowed here: {', '.join(_keys_at(where))}"
    if "Invalid enum value" in problem:
        return (
            f"{where}: {problem[0].lower()}{problem[1:]}",
            f"allowed: {', '.join(item.value for item in (OnInconclusive if where.endswith('in_doubt') else Sticky))}",
        )
    value = _value_at(path.rstrip("`"), section)
    given = f": {value!r}" if isinstance(value, str | int | float) and "duration" not in problem else ""
    return (
        f"{where}: {problem[0].lower()}{problem[1:]}{given}",
        "see `videa config` for the effective values, and README for the section",
    )


def _value_at(path: str, section: Any) -> object:
    """The value at msgspec's path "$.canary.steps[1]"; None for an incomplete path such as "$[...]"."""
    for key, number in re.findall(r"\.(\w+)|\[([\d.]+)\]", path):
        if isinstance(section, dict):
            section = section.get(key)
        elif isinstance(section, list) and number.isdecimal():
            section = section[int(number)]
        else:
            return None
    value: object = section
    return value


def _keys_at(where: str) -> tuple[str, ...]:
    sections: dict[str, type[Section]] = {
        "x-videa.health": Health,
        "x-videa.canary": Canary,
        "x-videa.hooks": Hooks,
    }
    return sections.get(where, Settings).__struct_encode_fields__
