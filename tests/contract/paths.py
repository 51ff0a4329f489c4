"""The health paths that docker-compose.yml declares for the backend."""

from __future__ import annotations

import yaml

from tests.conftest import PROJECT

_HEALTH = yaml.safe_load((PROJECT / "docker-compose.yml").read_text())["x-videa"]["health"]
LIVE, READY = _HEALTH["live"], _HEALTH["ready"]
