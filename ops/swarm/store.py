"""The store on a swarm: records and documents are configs that no service uses.

Every manager has them, and if several processes create the same config, only one succeeds. Only the labels of a config
can change, and only if its version is the one that was read; its data cannot change. Therefore a record has its number
in a label and each of its files in a separate config, and each version of a document is a config. Data is at most 1,000
KiB.

All users of a manager can read them, like the records on an engine.
"""

from __future__ import annotations

import secrets
import zlib
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from ops.engine import marker
from ops.engine.client import Engine
from ops.errors import EngineError
from ops.models import Document, Record
from ops.swarm import api

KIND = "configs"
PREFIX = "videa.store"
NAME, ID, NUMBER, CREATED = (f"{PREFIX}.{each}" for each in ("name", "id", "number", "created"))
RECORD, FILE, ORDER = (f"{PREFIX}.{each}" for each in ("record", "file", "order"))
DOCUMENT, VERSION = (f"{PREFIX}.{each}" for each in ("document", "version"))

LONGEST = 64
"""Maximum characters of the name of a config."""
_DIGEST = 16
_FASTEST = 1


@dataclass(frozen=True)
class SwarmStore:
    """``ops.platform.ports.Store``. The engine is a manager of the swarm."""

    engine: Engine

    def now(self) -> float:
        """The clock of this manager. The clocks of several managers must agree, as a swarm requires anyway."""
        return marker.engine_time(self.engine)

    def create(self, name: str, labels: Mapping[str, str], number: int = 0) -> str | None:
        record = secrets.token_hex(12)
        own = {NAME: name, ID: record, NUMBER: str(number)}
        return record if self._claim(name, {**labels, **own}) else None

    def find(self, name: str) -> Record | None:
        config = self._config(name)
        return _record(config) if config else None

    def labelled(self, label: str, value: str) -> list[Mapping[str, str]]:
        return [_labels(config) for config in api.listed(self.engine, KIND, label=f"{label}={value}")]

    def set_number(self, record: str, number: int) -> bool:
        config = self._with_id(record)
        if config is None:
            return False
        return api.update(self.engine, KIND, config["ID"], lambda spec: _with_label(spec, NUMBER, str(number)))

    def write(self, record: str, files: Mapping[str, bytes]) -> bool:
        if self._with_id(record) is None:
            return False
        present = self._files(record)
        order = max((int(_labels(config)[ORDER]) for config in present), default=0) + 1
        for name, content in files.items():
            labels = {RECORD: record, FILE: name, ORDER: str(order)}
            self._create(f"{PREFIX}.{record}.{secrets.token_hex(8)}", labels, content)
        self._remove(config for config in present if _labels(config)[FILE] in files)
        if self._with_id(record) is None:  # removed in the meantime
            self._remove(self._files(record))
            return False
        return True

    def read(self, record: str, file: str = "") -> dict[str, bytes]:
        found = sorted(self._files(record), key=lambda config: int(_labels(config)[ORDER]))
        files = {_labels(config)[FILE]: _content(config) for config in found}
        if not files or self._with_id(record) is None:
            return {}
        return {name: content for name, content in files.items() if file in ("", name)}

    def rename(self, record: str, name: str) -> None:
        config = self._with_id(record)
        if config is None:
            raise EngineError(f"Docker could not rename a record to {name}: it does not exist", "try again")
        labels = {CREATED: str(config["CreatedAt"]), **config["Spec"]["Labels"], NAME: name}
        if not self._claim(name, labels):
            raise EngineError(f"Docker could not rename a record to {name}: the name is in use", "try again")
        api.remove(self.engine, KIND, config["ID"])

    def remove(self, record: str) -> None:
        config = self._config(record)
        if config is None:
            return
        api.remove(self.engine, KIND, config["ID"])
        self._remove(self._files(_labels(config)[ID]))

    def load(self, name: str) -> Document:
        version, config = max(self._versions(name).items(), default=(0, None))
        try:
            return Document(version, zlib.decompress(_content(config)) if config else b"")
        except zlib.error:
            return Document(version)

    def save(self, name: str, content: bytes, after: int) -> bool:
        version = after + 1
        labels = {DOCUMENT: name, VERSION: str(version)}
        created = self._create(f"{name}.{version}", labels, zlib.compress(content, _FASTEST))
        if created is None:
            return False
        present = self._versions(name)
        if max(present, default=0) != version:  # the new version follows one that was removed
            api.remove(self.engine, KIND, created)
            return False
        self._remove(config for number, config in present.items() if number != version)
        return True

    def drop(self, name: str) -> None:
        self._remove(self._versions(name).values())

    def _claim(self, name: str, labels: Mapping[str, str]) -> bool:
        """Creates the config with the name of a record; False if it exists."""
        return self._create(name, labels, b"-") is not None

    def _create(self, name: str, labels: Mapping[str, str], content: bytes) -> str | None:
        data = b64encode(content or b"\n").decode()  # the manager refuses empty data
        marked = {**labels, f"{PREFIX}.empty": "yes"} if not content else dict(labels)
        return api.create(self.engine, KIND, {"Name": config_name(name), "Labels": marked, "Data": data})

    def _config(self, name: str) -> api.Found | None:
        """The config of the record with this name or id."""
        config = api.found(self.engine, KIND, config_name(name))
        return config if config and _labels(config).get(NAME) == name else self._with_id(name)

    def _with_id(self, record: str) -> api.Found | None:
        """The config of the record with this id; during a rename, the config with the new name."""
        found = api.listed(self.engine, KIND, label=f"{ID}={record}")
        return max(found, key=lambda config: int(config["Version"]["Index"]), default=None)

    def _files(self, record: str) -> list[api.Found]:
        return api.listed(self.engine, KIND, label=f"{RECORD}={record}")

    def _versions(self, name: str) -> dict[int, api.Found]:
        found = api.listed(self.engine, KIND, label=f"{DOCUMENT}={name}")
        return {int(_labels(config)[VERSION]): config for config in found}

    def _remove(self, configs: Iterable[api.Found]) -> None:
        for config in configs:
            api.remove(self.engine, KIND, config["ID"])


def config_name(name: str) -> str:
    """The name of a config: a name that is too long is cut and ends with a hash of the complete name."""
    if len(name) <= LONGEST:
        return name
    digest = sha256(name.encode()).hexdigest()[:_DIGEST]
    return f"{name[: LONGEST - _DIGEST - 1]}-{digest}"


def _record(config: api.Found) -> Record:
    labels = dict(_labels(config))
    created = str(labels.pop(CREATED, config["CreatedAt"]))
    number = int(labels.pop(NUMBER))
    record = labels.pop(ID)
    labels.pop(NAME, None)
    labels = {name: value for name, value in labels.items() if not name.startswith(f"{PREFIX}.")}
    return Record(record, labels, number, datetime.fromisoformat(created[:19] + "+00:00"))


def _labels(config: api.Found) -> Mapping[str, str]:
    return config["Spec"].get("Labels") or {}


def _with_label(spec: api.Spec, label: str, value: str) -> api.Spec:
    """The manager removes the labels that an update omits."""
    return {**spec, "Labels": {**(spec.get("Labels") or {}), label: value}}


def _content(config: api.Found) -> bytes:
    empty = f"{PREFIX}.empty" in _labels(config)
    return b"" if empty else b64decode(config["Spec"].get("Data") or "")
