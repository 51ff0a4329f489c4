"""Reads the x-videa section, and names what is wrong in it: the key and the allowed values."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Any, get_origin

import msgspec

from ops.errors import ConfigError
from ops.probes import Statuses, read_statuses
from ops.project import freeze
from ops.project.notify import NAME_ONLY, check_receivers
from ops.project.policy import Policy, read_policy
from ops.project.settings import (
    Autoscale,
    Canary,
    EngineKind,
    FailureAction,
    Freeze,
    Health,
    Hooks,
    Level,
    OnInconclusive,
    Protocol,
    Proxy,
    Receiver,
    Route,
    ScaleDown,
    ScaleUp,
    Section,
    Select,
    Settings,
    Sticky,
    Target,
    Tls,
    Update,
    UpdateOrder,
    values,
)
from ops.project.tls import check_tls
from ops.project.units import Rate, Seconds, Share, Size, parse_duration, parse_rate, parse_share, parse_size
from ops.traffic import is_key
from ops.typed import Converter

NEVER_ZERO = (
    "health.interval",
    "health.timeout",
    "health.deadline",
    "health.check_interval",
    "canary.interval",
    "canary.deadline",
    "hooks.timeout",
    "proxy.max_body",
    "proxy.read_timeout",
    "proxy.websocket_timeout",
    "autoscale.target.cpu",
    "autoscale.target.requests",
    "autoscale.target.p95",
)
MOST_HEADERS = 256 << 10
"""Bytes: each request under way may need so much of nginx's memory."""
LONGEST_WINDOW = 3600.0
"""Seconds; the longest stabilization that Kubernetes allows."""
CHOICES: dict[str, type[Enum]] = {
    "engine": EngineKind,
    "protocol": Protocol,
    "sticky": Sticky,
    "in_doubt": OnInconclusive,
    "select": Select,
    "order": UpdateOrder,
    "failure_action": FailureAction,
    "severity": Level,
}
ON, OFF = ("on", "yes"), ("off", "no")
"""Words for true and false, besides YAML's own."""


def read_settings(section: dict[str, Any]) -> Settings:
    """Validates the x-videa section. Raises ConfigError with the key and the allowed values.

    Each value may come from a variable, so numbers and lists may be strings.
    """
    section = _with_lists(section, Settings)
    try:
        settings = _SETTINGS.convert(section)
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
    _check_proxy(settings.proxy)
    _check_route(settings)
    _check_grpc(settings)
    _check_windows(settings.autoscale)
    _check_freeze(settings.freeze)
    check_tls(settings.tls)
    check_receivers(settings.notify)
    return settings


def problems(section: dict[str, Any]) -> list[ConfigError]:
    """Everything that is wrong in the section: ``read_settings`` ends at the first error."""
    found = []
    for part in _parts(section, Settings):
        try:
            read_settings(part)
        except ConfigError as error:
            found.append(error)
    return found


def _parts(section: dict[str, Any], kind: type[Section]) -> Iterator[dict[str, Any]]:
    """The section in parts with one value each."""
    kinds = {field.encode_name: field.type for field in msgspec.structs.fields(kind)}
    for key, value in section.items():
        inner = kinds.get(key)
        if isinstance(value, dict) and isinstance(inner, type) and issubclass(inner, Section):
            yield from ({key: part} for part in _parts(value, inner))
        else:
            yield {key: value}


def _check_proxy(proxy: Proxy) -> None:
    try:
        effective = proxy.effective
    except ValueError as error:
        raise ConfigError(f"x-videa.proxy.trusted: {error}", "write networks, such as [10.0.0.0/8]") from error
    if any(network.endswith("/0") for network in effective.trusted):
        raise ConfigError(
            f"x-videa.proxy.trusted: {', '.join(proxy.trusted)} is everybody, so a client could claim any address",
            "write the networks of the proxies in front of nginx only",
        )
    if not 4096 <= proxy.response_headers <= MOST_HEADERS:
        raise ConfigError(
            f"x-videa.proxy.response_headers: {proxy.response_headers} is out of range", "allowed: 4k to 256k"
        )


def _check_route(settings: Settings) -> None:
    try:
        _ = settings.route.effective
    except ValueError as error:
        raise ConfigError(
            f"x-videa.route: {error}", "write it as {host: shop.example, path: /api}, with *.example for all below it"
        ) from error
    if settings.worker and settings.route != Route():
        raise ConfigError("x-videa.route: a worker gets no requests", "remove route, or worker")


def _check_grpc(settings: Settings) -> None:
    """What HTTP/1.1 alone has, a gRPC server does not answer."""
    if settings.protocol is not Protocol.GRPC:
        return
    health = settings.health
    if settings.worker:
        raise ConfigError("x-videa.protocol: a worker gets no requests", "remove protocol, or worker")
    if settings.sticky is not Sticky.NONE:
        raise ConfigError(
            "x-videa.sticky: clients of gRPC keep no cookies", "remove sticky: every call may go anywhere"
        )
    if settings.route.strip:
        raise ConfigError("x-videa.route.strip: the path of a call is its method", "remove strip")
    if (health.live or health.ready) and health.port in (None, settings.port):
        raise ConfigError(
            "x-videa.health: a gRPC server answers no GET",
            "write a healthcheck of the service, such as grpc_health_probe, or the port of an HTTP server: health.port",
        )


def _check_windows(autoscale: Autoscale) -> None:
    for key, section in (("up", autoscale.up), ("down", autoscale.down)):
        if section.stabilization > LONGEST_WINDOW:
            raise ConfigError(
                f"x-videa.autoscale.{key}.stabilization: {section.stabilization} is out of range", "allowed: 0s to 1h"
            )
        if not section.policies:
            raise ConfigError(f"x-videa.autoscale.{key}.policies: it is empty", "write policies, such as [4/15s]")
    if not 0 <= autoscale.tolerance < 1:
        raise ConfigError(
            f"x-videa.autoscale.tolerance: {autoscale.tolerance} is out of range", "write a percentage below 100%"
        )


def _check_freeze(windows: Iterable[Freeze]) -> None:
    for number, window in enumerate(windows):
        try:
            freeze.check(window.begin, window.to, window.days)
        except ValueError as error:
            raise ConfigError(f"x-videa.freeze[{number}]: {error}", freeze.HINT) from error


def check_autoscale(settings: Settings) -> None:
    """Whether the keys of x-videa.autoscale fit together. Raises ConfigError."""
    autoscale, target = settings.autoscale, settings.autoscale.target
    if not autoscale.enabled and autoscale != Autoscale():
        raise ConfigError(
            f"x-videa.autoscale.max of {settings.service} is missing",
            "write the largest number of replicas, such as `autoscale: {max: 6}`",
        )
    if autoscale.enabled and autoscale.min > autoscale.max:
        raise ConfigError(
            f"x-videa.autoscale.min: {autoscale.min} is more than max, which is {autoscale.max}",
            f"write `min: {autoscale.max}` or less, or a larger max",
        )
    if autoscale.enabled and target == Target():
        raise ConfigError("x-videa.autoscale.target: it is empty", "write a metric, such as `target: {cpu: 70%}`")
    if settings.worker and (target.requests is not None or target.p95 is not None):
        raise ConfigError("x-videa.autoscale.target: a worker gets no requests", "use cpu or pool_waiting for it")


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
    """The section with lists in place of strings such as "5, 25, 100", and with booleans in place of on and off."""
    lists = dict(section)
    for field in msgspec.structs.fields(kind):
        value = section.get(field.encode_name)
        if field.type is bool and isinstance(value, str) and value.lower() in (*ON, *OFF):
            lists[field.encode_name] = value.lower() in ON
        elif isinstance(value, int) and get_origin(field.type) is tuple:
            lists[field.encode_name] = [value]
        elif isinstance(value, str) and get_origin(field.type) is tuple:
            lists[field.encode_name] = value.strip().removeprefix("[").removesuffix("]").replace(",", " ").split()
        elif isinstance(value, dict) and isinstance(field.type, type) and issubclass(field.type, Section):
            lists[field.encode_name] = _with_lists(value, field.type)
        elif isinstance(value, dict) and field.encode_name == "notify":
            lists["notify"] = {
                name: _with_lists(each, Receiver) if isinstance(each, dict) else each for name, each in value.items()
            }
    return lists


def _numbers(prefix: str, section: Section) -> Iterator[tuple[str, float]]:
    for key, value in values(section):
        if isinstance(value, Section):
            yield from _numbers(f"{prefix}.{key}", value)
        else:
            parts = value if isinstance(value, tuple) else (value,)
            yield from ((f"{prefix}.{key}", part) for part in parts if isinstance(part, int | float))


def _decode(kind: type, value: object) -> object:
    if kind is Seconds:
        return parse_duration(value)
    if kind is Size:
        return parse_size(value)
    if kind is Share:
        return parse_share(value)
    if kind is Rate:
        return parse_rate(value)
    if kind is Policy:
        return read_policy(value)
    if kind is Statuses:
        return read_statuses(value)
    raise NotImplementedError(kind)


_SETTINGS = Converter(Settings, strict=False, dec_hook=_decode)


def _explain(reason: str, section: dict[str, Any]) -> tuple[str, str]:
    """Translates msgspec's error ("Object contains unknown field `foo` - at `$.health`"): (message, hint)."""
    problem, _, path = reason.partition(" - at `")
    where = "x-videa" + path.rstrip("`").lstrip("$")
    if where.startswith("x-videa.notify"):
        if "matching regex" in problem:
            return f"{where}: this is no name of a variable", NAME_ONLY
        section = {}  # what somebody has written there may be a secret
    unknown = re.search(r"unknown field `([^`]*)`", problem)
    if unknown:
        return f"{where}: unknown key {unknown[1]!r}", f"allowed here: {', '.join(_keys_at(where))}"
    if "Invalid enum value" in problem:
        return (
            f"{where}: {problem[0].lower()}{problem[1:]}",
            f"allowed: {', '.join(item.value for item in CHOICES[where.rpartition('.')[2]])}",
        )
    value = _value_at(path.rstrip("`"), section)
    given = f": {value!r}" if isinstance(value, str | int | float) and " is not a " not in problem else ""
    return (
        f"{where}: {problem[0].lower()}{problem[1:]}{given}",
        "see `videa config` for the effective values, and docs/x-videa.md for the section",
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
        "x-videa.proxy": Proxy,
        "x-videa.route": Route,
        "x-videa.autoscale": Autoscale,
        "x-videa.autoscale.target": Target,
        "x-videa.autoscale.up": ScaleUp,
        "x-videa.autoscale.down": ScaleDown,
        "x-videa.freeze": Freeze,
        "x-videa.update": Update,
        "x-videa.rollback": Update,
        "x-videa.tls": Tls,
        "x-videa.notify[...]": Receiver,
    }
    return sections.get(where.partition("[")[0], Settings).__struct_encode_fields__
