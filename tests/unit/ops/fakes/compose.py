"""Docker Compose for reading a project's files; it starts nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

MODEL = """
services:
  app:
    image: ${APP_IMAGE:-app:old}
    labels: {videa.release: "${APP_RELEASE:-}"}
    deploy: {replicas: "${APP_REPLICAS:-2}"}
  nginx: {image: nginx}
"""


WITH_WORKER = (
    MODEL
    + """
  mail:
    image: ${MAIL_IMAGE:-app:old}
    labels: {videa.release: "${MAIL_RELEASE:-}"}
    deploy: {replicas: "${MAIL_REPLICAS:-2}"}
"""
)


@dataclass
class FakeCompose:
    """The reading part of ``ops.engine.compose.Compose``."""

    directory: Path
    model: str = MODEL
    files: tuple[str, ...] = ()
    project: str | None = None
    environment: dict[str, str] = field(default_factory=dict)
    project_directory: Path | None = None

    def config(self, interpolate: bool = True) -> str:
        return self.model

    def prepare(self, service: str) -> None:
        """It has nothing to ask."""

    def config_hash(self, service: str, overrides: dict[str, str]) -> str:
        return "hash"
