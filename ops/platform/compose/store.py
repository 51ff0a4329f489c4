"""The store on a Docker Engine.

Records are containers that never run; their files and the documents are volumes that no container mounts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ops.engine import document, marker, record_files
from ops.engine.client import Engine
from ops.models import Document, Record


@dataclass(frozen=True)
class EngineStore:
    """``ops.platform.ports.Store``."""

    engine: Engine

    def now(self) -> float:
        return marker.engine_time(self.engine)

    def create(self, name: str, labels: Mapping[str, str], number: int = 0) -> str | None:
        return marker.create(self.engine, name, labels, number)

    def find(self, name: str) -> Record | None:
        return marker.find(self.engine, name)

    def labelled(self, label: str, value: str) -> list[Mapping[str, str]]:
        return marker.labelled(self.engine, label, value)

    def set_number(self, record: str, number: int) -> bool:
        return marker.set_number(self.engine, record, number)

    def write(self, record: str, files: Mapping[str, bytes]) -> bool:
        return record_files.write(self.engine, record, files)

    def read(self, record: str, file: str = "") -> dict[str, bytes]:
        return record_files.read(self.engine, record, file)

    def rename(self, record: str, name: str) -> None:
        marker.rename(self.engine, record, name)

    def remove(self, record: str) -> None:
        found = marker.find(self.engine, record)
        if found:  # by id: the name may have been taken again, and the files have the id
            marker.remove(self.engine, found.id)
            record_files.drop(self.engine, found.id)

    def load(self, name: str) -> Document:
        return document.load(self.engine, name)

    def save(self, name: str, content: bytes, after: int) -> bool:
        return document.save(self.engine, name, content, after)

    def drop(self, name: str) -> None:
        document.drop(self.engine, name)
