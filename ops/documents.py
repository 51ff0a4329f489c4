"""The documents of a project: state that all its users share and that outlives an operation."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from typing import Generic, TypeVar

import msgspec

from ops.errors import EngineError
from ops.platform.ports import Store

T = TypeVar("T")

TRIES = 50
"""A try fails only if another process has written the document in the meantime."""


class Kind(StrEnum):
    """HISTORY: past operations and their releases; DOCTOR: what earlier runs of the doctor saw; OUTLINE: x-videa.

    AUTOSCALE: whether it is on, and its last decisions. CERTIFICATES: the last failures and the time of the next try.
    NOTIFY: the queue of notifications. IMAGES: the images that were sent to the nodes of a swarm, for all projects.
    """

    HISTORY = "history"
    DOCTOR = "doctor"
    OUTLINE = "outline"
    AUTOSCALE = "autoscale"
    CERTIFICATES = "certificates"
    NOTIFY = "notify"
    IMAGES = "images"


def load(store: Store, kind: Kind, project: str) -> bytes:
    """The content; empty if there is no document. Raises EngineError."""
    return store.load(_name(kind, project)).content


def update(store: Store, kind: Kind, project: str, change: Callable[[bytes], bytes]) -> None:
    """Replaces the content by ``change(content)``; nothing is lost if several processes do this. Raises EngineError.

    ``change`` is called again if another process has written meanwhile; it must not add what the content already has.
    """
    name = _name(kind, project)
    for _ in range(TRIES):
        present = store.load(name)
        content = change(present.content)
        if content == present.content or store.save(name, content, present.version):
            return
    raise EngineError(f"{name} could not be written: other processes write it all the time", "try again")


class TypedDocument(Generic[T]):
    """A document that is one object as JSON. ``empty``: the value if there is no document; it is never modified.

    Content that another version of videa wrote in another format counts as empty. Create instances at import: see
    ``ops.typed``.
    """

    def __init__(self, kind: Kind, type: type[T], empty: T) -> None:
        self.kind, self._empty, self._decoder = kind, empty, msgspec.json.Decoder(type)

    def read(self, store: Store, project: str) -> T:
        """The object. Raises EngineError."""
        return self._decoded(load(store, self.kind, project))

    def change(self, store: Store, project: str, by: Callable[[T], T]) -> T:
        """Replaces the object by ``by(object)`` and returns the new one; see ``update``. Raises EngineError."""
        written = self._empty

        def changed(content: bytes) -> bytes:
            nonlocal written
            before = self._decoded(content)
            written = by(before)
            return content if written == before else msgspec.json.encode(written)

        update(store, self.kind, project, changed)
        return written

    def _decoded(self, content: bytes) -> T:
        with suppress(msgspec.MsgspecError, UnicodeDecodeError):
            return self._decoder.decode(content) if content else self._empty
        return self._empty


def forget(store: Store, project: str) -> None:
    """Removes all documents of the project. Raises EngineError."""
    for kind in Kind:
        store.drop(_name(kind, project))


def _name(kind: Kind, project: str) -> str:
    return f"videa.{kind}.{project}"
