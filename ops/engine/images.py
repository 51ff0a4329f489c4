"""Images on the engine: their digests and tags, and pulling missing ones."""

from __future__ import annotations

from http import HTTPStatus

import docker.errors

from ops.engine.client import Engine, engine_errors
from ops.errors import EngineError, ImageUnavailable
from ops.image_ref import ImageRef


def image_id(engine: Engine, reference: str) -> str:
    """The digest of an image on the engine. Raises ImageUnavailable if it is not there, EngineError."""
    digest = _find(engine, reference)
    if digest is None:
        raise ImageUnavailable(f"there is no image {reference}", "build it: videa deploy --build")
    return digest


def has_image(engine: Engine, reference: str) -> bool:
    """Whether the image is on the engine. Raises EngineError."""
    return _find(engine, reference) is not None


def has_healthcheck(engine: Engine, reference: str) -> bool:
    """Whether the image has a health check; False also if it is not on the engine. Raises EngineError."""
    with engine_errors(f"look for the image {reference}"):
        try:
            details = engine.sdk.api.inspect_image(reference)  # type: ignore[no-untyped-call]
        except docker.errors.ImageNotFound:
            return False
    test = ((details.get("Config") or {}).get("Healthcheck") or {}).get("Test") or []
    return bool(test) and test != ["NONE"]


def same_image(engine: Engine, reference: str, digest: str) -> bool:
    """Whether ``reference`` currently refers to the image ``digest``. Raises EngineError."""
    return _find(engine, reference) == digest


def ensure_image(engine: Engine, reference: str) -> None:
    """Pulls an image that is not on the engine. Raises ImageUnavailable with the registry's message."""
    if _find(engine, reference) is not None:
        return
    wanted = ImageRef.parse(reference)
    try:
        with engine_errors(f"pull {reference}"):
            engine.sdk.api.pull(wanted.repository, tag=wanted.version)
    except EngineError as error:
        raise ImageUnavailable(
            f"there is no image {reference}: {error.message}",
            "check its name, or build it: videa deploy --build",
            error.detail,
        ) from error
    if _find(engine, reference) is None:
        raise ImageUnavailable(f"there is no image {reference}", "check its name, or build it: videa deploy --build")


def tag(engine: Engine, image: str, reference: str) -> None:
    """Adds a tag to an image. Raises EngineError."""
    name = ImageRef.parse(reference)
    with engine_errors(f"tag {reference}"):
        engine.sdk.api.tag(image, name.repository, name.tag or "latest")


def untag(engine: Engine, reference: str) -> None:
    """Removes a tag; the image is also removed if nothing else uses it. A missing tag is not an error.

    Raises EngineError.
    """
    with engine_errors(f"remove the tag {reference}"):
        try:
            engine.sdk.api.remove_image(reference)
        except docker.errors.ImageNotFound:
            return
        except docker.errors.APIError as error:
            if error.status_code != HTTPStatus.CONFLICT:  # a container still uses it
                raise


def _find(engine: Engine, reference: str) -> str | None:
    with engine_errors(f"look for the image {reference}"):
        try:
            return str(engine.sdk.api.inspect_image(reference)["Id"])  # type: ignore[no-untyped-call]
        except docker.errors.ImageNotFound:
            return None
