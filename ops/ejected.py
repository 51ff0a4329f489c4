"""The replicas that the agent has removed from the balancer. They are in the store because the agent may restart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgspec

from ops.models import Replica
from ops.platform.ports import Store

_FILE = "out.json"
_DECODER = msgspec.json.Decoder(dict[str, str])


@dataclass(frozen=True)
class Ejected:
    """The ejected replicas of one project: name -> container id. A new container may have the same name."""

    store: Store
    project: str

    @property
    def _name(self) -> str:
        return f"videa.watch.{self.project}"

    def read(self) -> dict[str, str]:
        """The replicas written last; empty if the record cannot be parsed. Raises EngineError."""
        record = self.store.find(self._name)
        content = self.store.read(record.id, _FILE).get(_FILE, b"") if record else b""
        try:
            return _DECODER.decode(content)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return {}

    def write(self, ids: Mapping[str, str]) -> None:
        """Replaces the ejected replicas; if there are none, removes the record. Raises EngineError."""
        record = self.store.find(self._name)
        if not ids:
            if record:
                self.store.remove(record.id)
            return
        label = {"videa.watch": self.project}
        record_id = record.id if record else self.store.create(self._name, label)
        if record_id:
            self.store.write(record_id, {_FILE: msgspec.json.encode(dict(ids))})

    def names(self, replicas: Iterable[Replica]) -> set[str]:
        """The names of the ejected ones among these replicas. Raises EngineError."""
        ids = self.read()
        return {replica.name for replica in replicas if ids.get(replica.name) == replica.id}
