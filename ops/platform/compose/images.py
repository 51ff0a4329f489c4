"""Images on a Docker Engine."""

from __future__ import annotations

from dataclasses import dataclass

from ops.engine import images
from ops.engine.client import Engine


@dataclass(frozen=True)
class EngineImages:
    """``ops.platform.ports.Images``."""

    engine: Engine

    def digest(self, reference: str) -> str:
        return images.image_id(self.engine, reference)

    def present(self, reference: str) -> bool:
        return images.has_image(self.engine, reference)

    def has_healthcheck(self, reference: str) -> bool:
        return images.has_healthcheck(self.engine, reference)

    def ensure(self, reference: str) -> None:
        images.ensure_image(self.engine, reference)

    def tag(self, image: str, reference: str) -> None:
        images.tag(self.engine, image, reference)

    def untag(self, reference: str) -> None:
        images.untag(self.engine, reference)
