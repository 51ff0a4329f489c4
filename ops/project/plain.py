"""The project without the overlay that ``videa init`` writes: the user's own files, as Compose reads them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from ops.engine.compose import Compose
from ops.errors import ConfigError
from ops.project.compose_model import read_model
from ops.project.config import Project
from ops.project.folder import (
    DISABLED,
    NAMED,
    OVERLAY,
    check_env_files,
    default_files,
    env_files,
    find_place,
    named_files,
    read_env_file,
    separator,
)
from ops.project.settings import Settings


@dataclass(frozen=True)
class Plain:
    """``project``: with x-videa's defaults. ``files``: the user's files, relative to ``folder``, as in COMPOSE_FILE.

    ``folder``: the folder of the overlay; ``env_file``: records COMPOSE_FILE, .env unless Compose reads another one.
    ``by_default``: Compose finds the files without COMPOSE_FILE; ``adopted``: COMPOSE_FILE names the overlay, even if
    it is missing. ``separator``: separates the files in COMPOSE_FILE.
    """

    project: Project
    folder: Path
    files: tuple[str, ...]
    by_default: bool
    separator: str
    env_file: Path
    adopted: bool = False

    @property
    def overlay(self) -> Path:
        return self.folder / OVERLAY

    @property
    def raw(self) -> Mapping[str, Any]:
        """The model without interpolation. Raises ConfigError."""
        return read_model(self.project.compose, interpolate=False)

    def overlay_text(self) -> str:
        """The existing overlay, "" if there is none. Raises ConfigError."""
        return read_env_file(self.overlay)

    def compose_file(self, overlay: str = OVERLAY) -> str:
        """The value of COMPOSE_FILE with an overlay."""
        return self.separator.join((*self.files, overlay))

    def with_overlay(self, path: Path) -> Compose:
        """Compose for the user's files and the overlay at ``path``."""
        compose = self.project.compose
        return replace(compose, environment={**compose.environment, "COMPOSE_FILE": self.compose_file(str(path))})


def load_plain(
    files: tuple[str, ...],
    name: str | None,
    environment: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> Plain:
    """Reads the project in the current folder, in ``directory``, or of ``files``, without the overlay.

    ``files`` and ``directory``: as for ``load``. Raises ConfigError if there is no Compose file, Compose refuses it, or
    it does not read .env.
    """
    environment = dict(os.environ if environment is None else environment)
    place = find_place(files, environment, Path.cwd(), directory)
    if files:
        start = place.base
        place = msgspec.structs.replace(place, base=start if environment.get(NAMED) else place.directory)
        named = tuple(os.path.relpath(start / file, place.base) for file in files)
    else:
        named = named_files(place, environment)
    folder = place.base
    read = env_files(place, (), environment)
    if not environment.get(NAMED) and folder / ".env" not in read:
        raise ConfigError(
            "Compose does not read .env here, where COMPOSE_FILE must be",
            f"unset {DISABLED}, or name an env file: videa --env-file FILE init",
        )
    check_env_files(read)
    found = default_files(folder)
    own = tuple(file for file in named if Path(file).name != OVERLAY) or found
    between = separator(folder, environment)
    chosen = place.directory if place.chosen else None
    compose = Compose((), name, folder, {**environment, "COMPOSE_FILE": between.join(own)}, chosen)
    model = read_model(compose)
    project = Project(str(model["name"]), place.directory, compose, model, Settings(), {}, environment)
    env_file = read[-1] if environment.get(NAMED) else folder / ".env"
    return Plain(project, folder, own, own == found, between, env_file, own != named and bool(named))
