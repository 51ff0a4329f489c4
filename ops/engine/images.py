"""The images on a Docker Engine: their digests and tags, and pulling missing ones."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.engine.answer import Refused
from ops.engine.client import Engine, engine_errors
from ops.engine.compose import last_line
from ops.errors import EngineError, ImageUnavailable
from ops.image_ref import ImageRef


@dataclass(frozen=True)
class EngineImages:
    """``ops.platform.image_ports.Images``. Every method may raise EngineError."""

    engine: Engine

    def digest(self, reference: str) -> str:
        """The digest of an image. Raises ImageUnavailable if it is not present."""
        details = self._find(reference)
        if details is None:
            raise ImageUnavailable(f"there is no image {reference}", "build it: videa deploy --build")
        return str(details["Id"])

    def present(self, reference: str) -> bool:
        """Whether the image is on the engine."""
        return self._find(reference) is not None

    def is_same(self, reference: str, digest: str) -> bool:
        """Whether ``reference`` currently refers to the image ``digest``."""
        details = self._find(reference)
        return details is not None and details["Id"] == digest

    def has_healthcheck(self, reference: str) -> bool:
        """Whether the image has a health check; also False if the image is not present."""
        details = self._find(reference) or {}
        test = ((details.get("Config") or {}).get("Healthcheck") or {}).get("Test") or []
        return bool(test) and test != ["NONE"]

    def ensure(self, reference: str) -> None:
        """Pulls an image that is not present. Raises ImageUnavailable with the registry's message."""
        if not self.present(reference):
            self.pull(reference)

    def pull(self, reference: str) -> None:
        """Pulls an image, even if it is present. Raises ImageUnavailable with the registry's message."""
        wanted = ImageRef.parse(reference)
        try:
            with engine_errors(f"pull {reference}"):
                self.engine.sdk.api.pull(wanted.repository, tag=wanted.version)
        except EngineError as error:
            raise ImageUnavailable(
                f"there is no image {reference}: {error.message}",
                "check its name, or build it: videa deploy --build",
                error.detail,
            ) from error
        if not self.present(reference):
            raise ImageUnavailable(
                f"there is no image {reference}", "check its name, or build it: videa deploy --build"
            )

    def exposed(self, reference: str) -> tuple[int, ...]:
        """The TCP ports that the image declares; also empty if the image is not present."""
        details = self._find(reference) or {}
        names = ((details.get("Config") or {}).get("ExposedPorts") or {}).keys()
        return tuple(sorted(int(name.partition("/")[0]) for name in names if name.endswith("/tcp")))

    def build(self, reference: str, folder: Path, arguments: Mapping[str, str]) -> None:
        """Builds the Dockerfile in ``folder``, with build ``arguments``, as ``reference``; pulls no base image."""
        with engine_errors(f"build {reference}"):
            output = list(
                self.engine.sdk.api.build(
                    path=str(folder), tag=reference, buildargs=dict(arguments), rm=True, forcerm=True, decode=True
                )
            )
        if failed := next((line["error"] for line in output if "error" in line), None):
            log = "".join(str(line.get("stream", "")) for line in output)
            raise EngineError(f"the image {reference} could not be built: {failed}", "--verbose shows the output", log)

    def make(self, reference: str, script: Path) -> None:
        """Runs ``script``, which builds the image ``reference`` from Debian packages. Raises ImageUnavailable."""
        if not self.engine.local:
            raise ImageUnavailable("the engine is not on this machine", "run videa on the engine's machine")
        done = subprocess.run(
            ["bash", str(script), reference],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ImageUnavailable(last_line(done.stdout), "--verbose shows the output", done.stdout)

    def tag(self, image: str, reference: str) -> None:
        """Adds a tag to an image."""
        name = ImageRef.parse(reference)
        with engine_errors(f"tag {reference}"):
            self.engine.api.tag(image, name.repository, name.tag or "latest")

    def untag(self, reference: str) -> None:
        """Removes a tag; the image is also removed if nothing else uses it. A missing tag is not an error."""
        with engine_errors(f"remove the tag {reference}"):
            try:
                self.engine.api.remove_image(reference)
            except Refused as error:
                if not (error.missing or error.conflict):  # a container still uses it
                    raise

    def _find(self, reference: str) -> Mapping[str, Any] | None:
        return inspect_image(self.engine, reference)


def inspect_image(engine: Engine, reference: str) -> Mapping[str, Any] | None:
    """The engine's details of an image; None if it is not present. Raises EngineError."""
    with engine_errors(f"look for the image {reference}"):
        try:
            return engine.api.inspect_image(reference)
        except Refused as error:
            if not error.missing:
                raise
    return None
