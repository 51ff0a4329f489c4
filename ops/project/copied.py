"""Configs and secrets that Compose copies into a container, because they are not files on the host. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from typing import Any

_FOLDERS = {"configs": PurePosixPath("/"), "secrets": PurePosixPath("/run/secrets")}
"""Kind -> the default folder of a target that names no folder."""


def copied_files(model: Mapping[str, Any], service: str) -> list[str]:
    """The paths of these files in the containers of a service."""
    return [path for kind in _FOLDERS for path in _copied(model, service, kind)]


def _copied(model: Mapping[str, Any], service: str, kind: str) -> Iterator[str]:
    sources: Mapping[str, Any] = model.get(kind) or {}
    for entry in model["services"][service].get(kind) or []:
        name, target = (entry["source"], entry.get("target")) if isinstance(entry, dict) else (entry, None)
        if {"content", "environment"} & set(sources.get(name) or {}):
            yield str(_FOLDERS[kind] / (target or name))
