"""The protocols for images: those that a project runs, and those that are copied between engines."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

from ops.models import StoredImage


class Images(Protocol):
    """The images on the platform."""

    def digest(self, reference: str) -> str:
        """The digest of an image. Raises ImageUnavailable if it is not present."""

    def present(self, reference: str) -> bool:
        """Whether the image is on the platform."""

    def has_healthcheck(self, reference: str) -> bool:
        """Whether the image has a health check; also False if the image is not present."""

    def ensure(self, reference: str) -> None:
        """Pulls an image that is not present. Raises ImageUnavailable."""

    def pull(self, reference: str) -> None:
        """Pulls an image, even if it is present. Raises ImageUnavailable."""

    def exposed(self, reference: str) -> tuple[int, ...]:
        """The TCP ports that the image declares; also empty if the image is not present."""

    def build(self, reference: str, folder: Path, arguments: Mapping[str, str]) -> None:
        """Builds the Dockerfile in ``folder``, with build ``arguments``, as ``reference``; pulls no base image."""

    def make(self, reference: str, script: Path) -> None:
        """Runs ``script``, which builds the image ``reference`` from Debian packages. Raises ImageUnavailable."""

    def tag(self, image: str, reference: str) -> None:
        """Adds a tag to an image."""

    def untag(self, reference: str) -> None:
        """Removes a tag from an image. A missing tag is not an error."""


class ImageStore(Protocol):
    """The images of one engine, for copying images from it or to it."""

    @property
    def local(self) -> bool:
        """Whether the engine is on this machine."""

    @property
    def needs_every_layer(self) -> bool:
        """Whether ``load`` needs all layers of an image, even if the engine has some of them."""

    def stored(self, reference: str) -> StoredImage | None:
        """An image; None if it is not on the engine."""

    def tagged(self, repository: str) -> list[str]:
        """The names of all images of a repository, "REPOSITORY:TAG"."""

    def all_layers(self) -> list[tuple[str, ...]]:
        """The diff ids of every image, starting with the base's."""

    def export(self, references: Collection[str]) -> Iterator[bytes]:
        """The images and their names as the tar stream of ``docker save``, not compressed."""

    def load(self, archive: Iterable[bytes]) -> None:
        """Loads a tar stream like ``docker load``. The engine changes nothing before the stream is complete."""

    def free_space(self) -> int | None:
        """Free bytes for images; None if unknown, for example on another machine."""
