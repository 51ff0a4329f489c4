"""Which volumes and folders several replicas may write to at the same time. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from ops.errors import UsageError
from ops.preflight import writes

Agree = Callable[[str], bool]
"""Asks the user a yes-or-no question; False without a terminal."""

AS_SAID = "as you have said"
AS_CODE = "from which its image is built"


def unshared(spec: Mapping[str, Any], shared: Collection[str]) -> list[tuple[int, Mapping[str, Any]]]:
    """The volumes that a service writes to and that are not in ``shared`` (sources, targets), with their positions."""
    return [
        (number, volume)
        for number, volume in enumerate(spec.get("volumes") or ())
        if writes(volume) and not {volume["source"], volume["target"]} & set(shared)
    ]


def may_share(
    name: str, services: Mapping[str, Any], tasks: Collection[str], said: Collection[str] = ()
) -> dict[str, str]:
    """Target -> why replicas of a service may share this volume or folder although they write to it.

    The user has allowed it, another service already writes to it at the same time, or it is the source code of the
    image, which developers mount. ``tasks``: services that run before the others; ``said``: the targets and sources
    that the user has allowed.
    """
    spec = services[name]
    code = (spec.get("build") or {}).get("context")
    why = {str(code): AS_CODE} if code else {}
    for other, definition in services.items():
        if other != name and other not in tasks:
            why |= dict.fromkeys(_sources(definition), f"which {other} writes at the same time already")
    for volume in _written(spec):
        if {volume["source"], volume["target"]} & set(said):
            why[str(volume["source"])] = AS_SAID
    return {str(each["target"]): why[str(each["source"])] for each in _written(spec) if each["source"] in why}


def check_said(services: Mapping[str, Any], said: Collection[str]) -> None:
    """Refuses a name that is not a volume to which a service writes. Raises UsageError."""
    known = [volume for spec in services.values() for volume in _written(spec)]
    for name in said:
        if not any(name in (volume["source"], volume["target"]) for volume in known):
            targets = sorted({str(volume["target"]) for volume in known})
            raise UsageError(
                f"--share {name}: no service writes a volume there",
                f"they write {', '.join(targets)}" if targets else "no service of this project writes a volume",
            )


def agreed(services: Mapping[str, Any], known: Mapping[str, Collection[str]], agree: Agree) -> set[str]:
    """The targets that the user allows when asked. ``known``: service with requests -> targets already allowed.

    Only the user knows whether replicas may write to the same files at the same time.
    """
    return {
        str(volume["target"])
        for name, shared in known.items()
        for _, volume in unshared(services[name], shared)
        if agree(f"may several replicas of {name} write {volume['target']} at the same time (uploads mostly may)?")
    }


def _sources(spec: Mapping[str, Any]) -> list[str]:
    return [str(volume["source"]) for volume in _written(spec)]


def _written(spec: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [volume for _, volume in unshared(spec, ())]
