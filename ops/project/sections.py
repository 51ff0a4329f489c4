"""Finds the x-videa sections of a Compose file: at the top level, in the services that videa scales, or both."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from ops.errors import ConfigError

DEFAULT = "backend"
"""The default service of a section."""

OF_THE_PROJECT = ("balancer", "engine", "agent", "tls", "notify")
"""Keys that have one value for the whole project, in whichever section they are written."""


class Sections(msgspec.Struct, frozen=True):
    """The services that videa scales, each with its section as written.

    ``default``: the default service of commands: that of `x-videa.service`, or the only service that is not a worker;
    empty if there are several.
    """

    written: Mapping[str, Mapping[str, Any]]
    default: str


def find_sections(model: Mapping[str, Any]) -> Sections:
    """The sections of a Compose model. Raises ConfigError.

    A service's section is `services.NAME.x-videa` or `x-videa.services.NAME`. If `x-videa.service` names a service,
    this service is the default and the other top-level keys are its section; only ``OF_THE_PROJECT`` apply to all
    services. Otherwise the top-level keys apply to every service whose own section does not have them.
    """
    top = _mapping("x-videa", model["x-videa"]) if "x-videa" in model else None
    claims = dict(_claims(model, top or {}))
    common = {key: value for key, value in (top or {}).items() if key not in ("service", "services")}
    if top is not None and ("service" in top or not claims):
        named = _name(top.get("service", DEFAULT))
        if named in claims:
            raise ConfigError(
                f"x-videa is defined twice for {named}: at the top and for the service", "keep only one of them"
            )
        shared = {key: value for key, value in common.items() if key in OF_THE_PROJECT}
        own = {name: {**shared, **claim, "service": name} for name, claim in claims.items()}
        return Sections({named: {**common, "service": named}, **own}, named)
    if not claims:
        raise ConfigError(
            "the Compose file has no x-videa section",
            "adopt the project: videa init; or add `x-videa: {service: NAME, port: PORT}` yourself",
        )
    written = {name: {**_merged(common, claim), "service": name} for name, claim in claims.items()}
    served = [name for name, section in written.items() if not section.get("worker")]
    return Sections(written, "" if len(served) > 1 else next(iter(served or written)))


def _claims(model: Mapping[str, Any], top: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(service, its own section). Raises ConfigError."""
    services: Mapping[str, Any] = model.get("services") or {}
    central = _mapping("x-videa.services", top.get("services"))
    for name in [*services, *(name for name in central if name not in services)]:
        definition = services.get(name) or {}
        own = "x-videa" in definition
        if own and name in central:
            raise ConfigError(
                f"x-videa is defined twice for {name}: services.{name}.x-videa and x-videa.services.{name}",
                "keep only one of them",
            )
        if own:
            yield name, _mapping(f"services.{name}.x-videa", definition["x-videa"])
        elif name in central:
            yield name, _mapping(f"x-videa.services.{name}", central[name])


def _mapping(key: str, section: Any) -> Mapping[str, Any]:
    """The section; an empty one means the defaults. Raises ConfigError."""
    if section is None:
        return {}
    if not isinstance(section, dict):
        raise ConfigError(f"{key} must be a mapping", "write its keys below it, or {} for the defaults")
    return section


def _name(given: Any) -> str:
    if not isinstance(given, str):
        raise ConfigError(
            f"x-videa.service must be the name of a service, not {given!r}",
            "for several services, write `services.NAME.x-videa` on each of them",
        )
    return given


def _merged(common: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """``own`` on top of ``common``, also inside their mappings."""
    merged = dict(common)
    for key, value in own.items():
        below = merged.get(key)
        merged[key] = _merged(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged
