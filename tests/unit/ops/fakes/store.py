"""The store in memory."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock

from msgspec.structs import replace

from ops.errors import EngineError
from ops.models import Document, Record
from tests.unit.ops.fakes.world import World

_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+")
"""Docker's rule for the names of containers."""


@dataclass
class FakeStore:
    """``ops.platform.ports.Store``. ``records``: by name; ``files``: by record id; ``documents``: by name."""

    world: World = field(default_factory=World)
    records: dict[str, Record] = field(default_factory=dict)
    files: dict[str, dict[str, bytes]] = field(default_factory=dict)
    documents: dict[str, Document] = field(default_factory=dict)
    count: int = 0
    saving: Lock = field(default_factory=Lock)

    def now(self) -> float:
        self.world.used("now")
        return self.world.now

    def create(self, name: str, labels: Mapping[str, str], number: int = 0) -> str | None:
        self.world.used("create record")
        if not _NAME.fullmatch(name):
            raise ValueError(f"not a container name: {name!r}")
        if name in self.records:
            return None
        self.count += 1
        record = f"id{self.count:04}"
        self.records[name] = Record(record, dict(labels), number, datetime.fromtimestamp(self.world.now, UTC))
        self.files[record] = {}
        return record

    def find(self, name: str) -> Record | None:
        self.world.used("find record")
        return self.records.get(self._name(name))

    def labelled(self, label: str, value: str) -> list[Mapping[str, str]]:
        self.world.used("list records")
        return [record.labels for record in self.records.values() if record.labels.get(label) == value]

    def set_number(self, record: str, number: int) -> bool:
        self.world.used("renew record")
        name = self._name(record)
        if name in self.records:
            self.records[name] = replace(self.records[name], number=number)
        return name in self.records

    def write(self, record: str, files: Mapping[str, bytes]) -> bool:
        self.world.used("write record")
        if record in self.files:
            self.files[record].update(files)
        return record in self.files

    def read(self, record: str, file: str = "") -> dict[str, bytes]:
        self.world.used("read record")
        files = self.files.get(record, {})
        return {name: content for name, content in files.items() if file in ("", name)}

    def rename(self, record: str, name: str) -> None:
        self.world.used("rename record")
        if name in self.records or self._name(record) not in self.records:
            raise EngineError(f"Docker could not rename {record}", "")
        self.records[name] = self.records.pop(self._name(record))

    def remove(self, record: str) -> None:
        self.world.used("remove record")
        removed = self.records.pop(self._name(record), None)
        if removed:
            del self.files[removed.id]

    def load(self, name: str) -> Document:
        self.world.used("load document")
        return self.documents.get(name, Document())

    def save(self, name: str, content: bytes, after: int) -> bool:
        self.world.used("save document")
        with self.saving:
            if self.documents.get(name, Document()).version != after:
                return False
            self.documents[name] = Document(after + 1, content)
            return True

    def drop(self, name: str) -> None:
        self.world.used("drop document")
        self.documents.pop(name, None)

    def _name(self, record: str) -> str:
        """The name of the record with this id or name."""
        return next((name for name, known in self.records.items() if record == known.id), record)
