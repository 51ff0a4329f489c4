"""Services that read the env file to which videa writes, and so would change with each deploy. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ops.adopt.notes import Note, Weight
from ops.adopt.parts import recorded_variables
from ops.adopt.plan import Adoption
from ops.project.mappings import as_mapping


def readers(services: Mapping[str, Mapping[str, Any]], env_file: Path) -> frozenset[str]:
    """The services with `env_file: .env`. ``services``: as Compose reads them, without interpolation."""
    return frozenset(name for name, spec in services.items() if env_file in _env_files(spec))


def hide(
    adoption: Adoption,
    services: Mapping[str, Mapping[str, Any]],
    reading: Collection[str],
    env_file: Path,
    running: Collection[str] = (),
) -> Adoption:
    """The adoption, with empty values for the variables that videa records, so that they never change the services.

    A value in `environment` takes precedence over one in `env_file`. ``services``: without interpolation; ``reading``:
    the services of ``readers``; ``running``: services with a container, which this changes once.
    """
    names = recorded(adoption)

    def part(service: str, own: Mapping[str, Any]) -> Mapping[str, Any]:
        if service not in reading:
            return own
        present = as_mapping(services[service].get("environment"))
        empty = {name: "" for name in names if name not in present}
        return {**own, "environment": {**own.get("environment", {}), **empty}}

    adopted = {adoption.service, *adoption.workers, *(each.service for each in adoption.others)}
    beside = [service for service in services if service in reading and service not in adopted]
    return replace(
        adoption,
        service_part=part(adoption.service, adoption.service_part),
        others=tuple(replace(each, part=part(each.service, each.part)) for each in adoption.others),
        workers={service: part(service, own) for service, own in adoption.workers.items()},
        beside={service: part(service, {}) for service in beside},
        notes=(
            *adoption.notes,
            *(_note(service, env_file.name, service in beside and service in running) for service in sorted(reading)),
        ),
    )


def recorded(adoption: Adoption) -> tuple[str, ...]:
    """The variables that videa sets in the env file of a project with this overlay."""
    others = [each.service for each in adoption.others]
    return ("COMPOSE_FILE", *recorded_variables(adoption.service, others, adoption.workers))


def _env_files(spec: Mapping[str, Any]) -> list[Path]:
    entries = spec.get("env_file") or ()
    listed = [entries] if isinstance(entries, str) else entries
    return [Path(str(entry.get("path") if isinstance(entry, Mapping) else entry)) for entry in listed]


def _note(service: str, env_file: str, changes: bool) -> Note:
    key = ("services", service, "env_file")
    what = f"{service} reads {env_file}, in which videa records what it has deployed"
    if changes:
        return Note(
            Weight.ADVICE,
            key,
            f"{what}; the overlay hides that from it, for which its container is created again once",
            f"no change needed; to keep its container, give it an env file of its own: env_file: {service}.env",
        )
    return Note(Weight.SOLVED, key, f"{what}; the overlay hides that from it, so its containers stay up to date")
