"""The images of a project: those of all its services, including the balancer, and of the retained releases."""

from __future__ import annotations

from ops.image_ref import ImageRef
from ops.platform.image_ports import ImageStore
from ops.project.config import Project
from ops.rollout.retained import retained_reference


def images_of(project: Project, store: ImageStore) -> list[str]:
    """The names of the images, without duplicates: first those of the services in the file. Raises EngineError."""
    used = [_tagged(project.image_of(name)) for name in project.model["services"]]
    retained = [
        name
        for service in project.services
        for name in store.tagged(ImageRef.parse(retained_reference(project.of(service), "any")).repository)
    ]
    return list(dict.fromkeys([*used, *retained]))


def _tagged(reference: str) -> str:
    """The reference with a tag: without one, an engine would save every image of the repository."""
    parsed = ImageRef.parse(reference)
    return reference if parsed.tag or parsed.digest else f"{reference}:latest"
