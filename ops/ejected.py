"""Which replicas `videa watch` has taken out of the balancer, kept on the engine: it may be restarted meanwhile."""

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
    """The replicas of one project that are out: name -> container id. By its id, because a name may come back."""

    store: Store
    project: str

    @property
    def _name(self) -> str:
        return f"videa.watch.{self.project}"

    def read(self) -> dict[str, str]:
        """What was written last; what cannot be read is nothing. Raises EngineError."""
        found = self.store.find(self._name)
        content = self.store.read(found.id, _FILE).get(_FILE, b"") if found else b""
        try:
            return _DECODER.decode(content)
        except msgspec.DecodeError:
            return {}

    def write(self, ids: Mapping[str, str]) -> None:
        """Remembers these instead; nothing is kept of none. Raises EngineError."""
        found = self.store.find(self._name)
        if not ids:
            if found:
                self.store.remove(found.id)
            return
        label = {"videa.watch": self.project}
        container = found.id if found else self.store.create(self._name, label)
        if container:
            self.store.write(container, {_FILE: msgspec.json.encode(dict(ids))})

    def names(self, replicas: Iterable[Replica]) -> set[str]:
        """Which of these replicas are out. Raises EngineError."""
        ids = self.read()
        return {replica.name for replica in replicas if ids.get(replica.name) == replica.id}
