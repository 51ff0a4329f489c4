"""The origin of an operation, so that abort and promote find the operation without Compose.

Compose would take a tenth of a second on both cores, a large part of the one second within which traffic must be back
on the kept set. In another folder, on another machine, or with other options, Compose is used.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path

from ops.rollout.identity import machine_id


def origin(
    files: Iterable[str], project: str | None, environment: Mapping[str, str], directory: Path | None = None
) -> str:
    """A hash of the inputs by which Compose selects the project: machine, folder, options and COMPOSE_ variables."""
    variables = sorted((name, value) for name, value in environment.items() if name.startswith("COMPOSE_"))
    given = json.dumps(
        [machine_id(), str(Path.cwd()), list(files), project, variables, directory and str(directory.resolve())]
    )
    return sha256(given.encode()).hexdigest()
