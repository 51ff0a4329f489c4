"""Where an operation was begun, so that abort and promote find it there without Compose.

Compose takes a tenth of a second of both cores for that, much of the second in which traffic is to be back on a kept
set. From another folder or machine, or with other options, Compose is asked.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from hashlib import sha256
from pathlib import Path

from ops.rollout.identity import machine_id


def origin(files: Iterable[str], project: str | None, environment: Mapping[str, str]) -> str:
    """A hash of what Compose chooses the project by, as it was given to the command in the present folder."""
    variables = sorted((name, value) for name, value in environment.items() if name.startswith("COMPOSE_"))
    given = json.dumps([machine_id(), str(Path.cwd()), list(files), project, variables])
    return sha256(given.encode()).hexdigest()
