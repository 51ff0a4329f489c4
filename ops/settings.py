"""The x-videa section of a Compose file: its keys, their defaults and their bounds."""

from __future__ import annotations

import re
from enum import Enum
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from ops.balancer.split import is_key
from ops.errors import ConfigError

UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")

Port = Annotated[int, Meta(ge=1, le=65535)]
Count = Annotated[int, Meta(ge=1, le=100)]
Percent = Annotated[float, Meta(gt=0, le=100)]


class Seconds(float):
    """A duration; written in the file as 500ms, 30s, 10m or 1h."""

    def __str__(self) -> str:
        return f"{round(self * 1000)}ms" if self < 1 else f"{float(self):g}s"


class Sticky(Enum):
    """How a client is kept on one replica."""

    NONE = "none"
    IP = "ip"
    COOKIE = "cookie"


class OnInconclusive(Enum):
    """What becomes of a canary that too few requests or too little evidence can neither pass nor fail."""

    ABORT = "abort"
    PAUSE = "pause"


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=False):
    """A mapping in which an unknown key is an error."""


class Health(Section, frozen=True):
    """How a replica is probed: each ``interval``, in after ``passes``, out after ``fails``, until ``deadline``."""

    live: str = "/health/live"
    ready: str = "/health/ready"
    interval: Seconds = Seconds(1)
    timeout: Seconds = Seconds(2)
    passes: Count = 2
    fails: Count = 3
    deadline: Seconds = Seconds(60)


class Canary(Section, frozen=True):
    """How a canary gets its traffic and what it must hold.

    ``by``: request, client, cookie:NAME or header:NAME, see ``ops.balancer.split``. ``deadline``: how long a step may
    go on without a verdict; then ``in_doubt`` says what becomes of it. ``warmup``: how long after its first request a
    replica is not judged for its speed; None: until it has settled, see ``ops.balancer.tries.Warmup``.
    """

    steps: tuple[Percent, ...] = (5, 25, 50, 100)
    interval: Seconds = Seconds(30)
    min_requests: Annotated[int, Meta(ge=1)] = 100
    min_success_rate: Percent = 99
    max_p99: Seconds = Seconds(0.5)
    max_p99_ratio: Annotated[float, Meta(ge=1)] = 1.5
    by: str = "request"
    deadline: Seconds = Seconds(600)
    in_doubt: OnInconclusive = OnInconclusive.ABORT
    warmup: Seconds | None = None

    @property
    def on_inconclusive(self) -> OnInconclusive:
        """What ``in_doubt`` says."""
        return self.in_doubt


class Hooks(Section, frozen=True):
    """Commands around a deploy, run in one-off containers of the new release; each at most ``timeout``.

    ``on_abort`` runs once everything was put back.
    """

    pre_deploy: str = ""
    pre_traffic: str = ""
    post_traffic: str = ""
    post_deploy: str = ""
    on_abort: str = ""
    timeout: Seconds = Seconds(300)


class Settings(Section, frozen=True):
    """The whole section, with ARCHITECTURE's defaults.

    ``shared_volumes``: names or targets of volumes that replicas may write to at once.
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
        """What decides the side of a request: where clients stick it is not chance, which throws them to and fro."""
        return "client" if self.canary.by == "request" and self.sticky is not Sticky.NONE else self.canary.by


def parse_duration(text: object) -> Seconds:
    """Reads "500ms", "30s", "10m" or "1h". Raises ValueError."""
    match = DURATION.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise ValueError(f"{text!r} is no duration; write it as 500ms, 30s, 10m or 1h")
    return Seconds(float(match[1]) * UNITS[match[2]])


def read_settings(section: dict[str, Any]) -> Settings:
    """Validates the x-videa section. Raises ConfigError naming the key and what is allowed there."""
    try:
        settings = msgspec.convert(section, Settings, dec_hook=_decode)
    except msgspec.ValidationError as error:
        raise ConfigError(*_explain(str(error))) from error
    steps = settings.canary.steps
    if not steps or list(steps) != sorted(set(steps)) or steps[-1] != 100:
        raise ConfigError(
            f"x-videa.canary.steps: {list(steps)} does not rise to 100",
            "write rising percentages that end at 100",
        )
    if not is_key(settings.canary.by):
        raise ConfigError(
            f"x-videa.canary.by: {settings.canary.by!r} is nothing to split by",
            "allowed: request, client, cookie:NAME, header:NAME",
        )
    for key, path in (("live", settings.health.live), ("ready", settings.health.ready)):
        if not re.fullmatch(r"/[\w./?=&%-]*", path):
            raise ConfigError(f"x-videa.health.{key}: {path!r} is no path", "write a path such as /health/live")
    return settings


def effective(settings: Settings, written: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Every value in force: (key, value, "Compose file" or "default"), in the order of the section."""
    return list(_flatten("x-videa", msgspec.structs.asdict(settings), written))


def _flatten(prefix: str, values: dict[str, Any], written: Any) -> Any:
    for key, value in values.items():
        given = written.get(key) if isinstance(written, dict) else None
        name = f"{prefix}.{key}"
        if isinstance(value, msgspec.Struct):
            yield from _flatten(name, msgspec.structs.asdict(value), given)
        else:
            yield name, _show(value), "default" if given is None else "Compose file"


def _show(value: object) -> str:
    if value is None:
        return "auto"
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, tuple):
        return "[" + ", ".join(item if isinstance(item, str) else f"{item:g}" for item in value) + "]"
    return str(value)


def _decode(kind: type, value: object) -> object:
    if kind is Seconds:
        return parse_duration(value)
    raise NotImplementedError(kind)


def _explain(reason: str) -> tuple[str, str]:
    """msgspec's words ("Object contains unknown field `foo` - at `$.health`") as ours: (message, hint)."""
    problem, _, place = reason.partition(" - at `")
    where = "x-videa" + place.rstrip("`").lstrip("$")
    unknown = re.search(r"unknown field `([^`]*)`", problem)
    if unknown:
        return f"{where}: unknown key {unknown[1]!r}", f"allowed here: {', '.join(_keys_at(where))}"
    if "Invalid enum value" in problem:
        return (
            f"{where}: {problem[0].lower()}{problem[1:]}",
            f"allowed: {', '.join(item.value for item in (OnInconclusive if where.endswith('in_doubt') else Sticky))}",
        )
    return (
        f"{where}: {problem[0].lower()}{problem[1:]}",
        "see `videa config` for the values in force, README for the section",
    )


def _keys_at(where: str) -> tuple[str, ...]:
    sections: dict[str, type[Section]] = {
        "x-videa.health": Health,
        "x-videa.canary": Canary,
        "x-videa.hooks": Hooks,
    }
    return sections.get(where, Settings).__struct_fields__
