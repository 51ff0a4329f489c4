"""The outline of a project: its name and its x-videa sections, on the engine, for a process without its Compose file.

The agent works with the outline, so it needs neither Compose nor the project's folder with the secrets in `.env`.
Commands that change the project record the outline, so editing a file does not change how the agent treats the running
replicas.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from ops import documents
from ops.documents import Kind
from ops.engine.compose import Compose
from ops.errors import ConfigError
from ops.platform.ports import Store
from ops.project.config import Project
from ops.project.managed import Managed, site
from ops.project.private import make_private_folder
from ops.project.section import read_settings
from ops.project.tls import with_ca

NOWHERE = Path("/nonexistent")
"""The folder of a project that is known only from its outline."""

MOST_BYTES = 64 * 1024
"""Maximum size of an outline, as JSON."""

OMITTED = ("hooks",)
"""Keys of x-videa that are commands for a deploy and may contain secrets."""


class _Outline(msgspec.Struct, frozen=True):
    """``sections``: x-videa of each service, as written; ``default``: see ``Project.default``."""

    sections: dict[str, dict[str, Any]]
    default: str = ""


_DECODER = msgspec.json.Decoder(_Outline)


def record(store: Store, project: Project) -> None:
    """Records the outline if it has changed.

    Raises ConfigError if it is too large or tls.ca cannot be read, EngineError.
    """
    sections = {name: project.of(name).written for name in project.services}
    portable = {name: with_ca(_without(section), project.directory) for name, section in sections.items()}
    outline = _Outline(portable, project.default)
    content = msgspec.json.encode(outline)
    if len(content) > MOST_BYTES:
        raise ConfigError(f"x-videa has {len(content)} bytes", f"shorten it to {MOST_BYTES}")
    documents.update(store, Kind.OUTLINE, project.name, lambda present: content)
    with suppress(OSError):  # creates the folder for the cache of Compose's answers
        make_private_folder(project.directory)


def recorded(store: Store, name: str) -> Project | None:
    """The project of the recorded outline; None without one. It cannot be deployed: its file is unknown.

    Raises ConfigError if another version of videa has recorded keys that this one does not know, EngineError.
    """
    return parse(documents.load(store, Kind.OUTLINE, name), name)


def parse(content: bytes, name: str) -> Project | None:
    """The project in a recorded outline; None if it is empty. Raises ConfigError."""
    if not content:
        return None
    try:
        outline = _DECODER.decode(content)
        managed = {service: Managed(read_settings(section), section) for service, section in outline.sections.items()}
        chosen = managed[site(managed, outline.default)]
    except (msgspec.DecodeError, UnicodeDecodeError, ConfigError) as error:
        raise ConfigError(
            "the x-videa recorded on the engine is from another version of videa",
            "record it again: videa up",
            str(error),
        ) from error
    return Project(
        name=name,
        directory=NOWHERE,
        compose=Compose(files=(), project=name, directory=NOWHERE, environment={}),
        model={"services": {service: {} for service in managed}},
        settings=chosen.settings,
        written=chosen.written,
        environment={},
        managed=managed,
        default=outline.default,
    )


def _without(section: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in section.items() if key not in OMITTED}
