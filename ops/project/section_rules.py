"""The rules for the values of x-videa, beyond their types."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator

from ops.errors import ConfigError
from ops.project import freeze
from ops.project.notify import check_receivers
from ops.project.settings import (
    Autoscale,
    Canary,
    Freeze,
    Health,
    Protocol,
    Proxy,
    Route,
    Section,
    Settings,
    Sticky,
    Target,
    values,
)
from ops.project.tls import check_tls
from ops.traffic import is_key

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
"""Bytes: each pending request may need this much of nginx's memory."""
LONGEST_WINDOW = 3600.0
"""The longest stabilization window that Kubernetes allows, in seconds."""


def check_settings(settings: Settings) -> None:
    """Raises ConfigError with the key and the allowed values."""
    _check_numbers(settings)
    _check_canary(settings.canary)
    _check_health(settings.health)
    _check_proxy(settings.proxy)
    _check_route(settings)
    _check_grpc(settings)
    _check_windows(settings.autoscale)
    _check_freeze(settings.freeze)
    check_tls(settings.tls)
    check_receivers(settings.notify)


def _check_numbers(settings: Settings) -> None:
    for key, number in _numbers("x-videa", settings):
        if not math.isfinite(number) or (number == 0 and key.removeprefix("x-videa.") in NEVER_ZERO):
            raise ConfigError(f"{key}: {number!s} is out of range", "write a number or duration above 0")


def _numbers(prefix: str, section: Section) -> Iterator[tuple[str, float]]:
    for key, value in values(section):
        if isinstance(value, Section):
            yield from _numbers(f"{prefix}.{key}", value)
        else:
            parts = value if isinstance(value, tuple) else (value,)
            yield from ((f"{prefix}.{key}", part) for part in parts if isinstance(part, int | float))


def _check_canary(canary: Canary) -> None:
    steps = canary.steps
    if not steps or list(steps) != sorted(set(steps)) or steps[-1] != 100:
        raise ConfigError(
            f"x-videa.canary.steps: {list(steps)} does not rise to 100",
            "write rising percentages, the last one 100",
        )
    if not is_key(canary.by):
        raise ConfigError(
            f"x-videa.canary.by: {canary.by!r} is not allowed",
            "allowed: request, client, cookie:NAME, header:NAME",
        )


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
    """Refuses settings that need HTTP/1.1, which a gRPC server does not answer."""
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
    """Checks that the keys of x-videa.autoscale are consistent. Raises ConfigError."""
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
