"""Exports images from an engine and imports them, as ``docker save`` and ``docker load`` do."""

from __future__ import annotations

import json
import shutil
from collections.abc import Collection, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

from ops.engine.client import CALL_TIMEOUT, Engine, engine_errors
from ops.engine.images import inspect_image
from ops.errors import EngineError
from ops.models import StoredImage

SILENCE = 1800
"""Time limit in seconds for the engine to begin its answer: it first writes all layers to its disk."""
CHUNK = 1 << 18
WORKERS = 8
"""Images that are inspected at the same time."""
CONTAINERD = "io.containerd.snapshotter.v1"
"""Driver type of an engine that keeps images in containerd."""


@dataclass(frozen=True)
class EngineImageStore:
    """``ops.platform.image_ports.ImageStore``. Every method may raise EngineError."""

    engine: Engine

    @property
    def local(self) -> bool:
        return self.engine.local

    @cached_property
    def needs_every_layer(self) -> bool:
        """True for containerd's image store, which finds layers only by the digest of their compressed form."""
        with engine_errors("describe itself"):
            status = self.engine.sdk.api.info().get("DriverStatus") or []
        return ["driver-type", CONTAINERD] in [list(entry) for entry in status]

    def stored(self, reference: str) -> StoredImage | None:
        details = inspect_image(self.engine, reference)
        if details is None:
            return None
        with engine_errors(f"read the history of {reference}"):
            history = self.engine.sdk.api.history(details["Id"])  # type: ignore[no-untyped-call]
        parts = tuple((f"{entry['Created']} {entry['CreatedBy']}", int(entry["Size"])) for entry in reversed(history))
        return StoredImage(str(details["Id"]), tuple(details.get("RepoTags") or ()), _layers(details), parts)

    def tagged(self, repository: str) -> list[str]:
        with engine_errors(f"list the images of {repository}"):
            found = self.engine.sdk.api.images(repository)
        names = {name for image in found for name in image.get("RepoTags") or () if name.startswith(f"{repository}:")}
        return sorted(names)

    def all_layers(self) -> list[tuple[str, ...]]:
        with engine_errors("list the images"):
            ids = sorted({str(image["Id"]) for image in self.engine.sdk.api.images()})
        with ThreadPoolExecutor(WORKERS) as pool:
            return [_layers(details) for details in pool.map(partial(inspect_image, self.engine), ids) if details]

    def export(self, references: Collection[str]) -> Iterator[bytes]:
        names = ", ".join(references)
        with engine_errors(f"save {names}"):
            api = self.engine.sdk.api
            with api.get(
                f"{api.base_url}/v{api.api_version}/images/get",
                params={"names": list(references)},
                stream=True,
                timeout=(CALL_TIMEOUT, SILENCE),
            ) as response:
                if not response.ok:
                    raise EngineError(f"Docker could not save {names}: {_message(response)}", "see `docker images`")
                yield from response.iter_content(CHUNK)

    def load(self, archive: Iterable[bytes]) -> None:
        with engine_errors("load images"):
            api = self.engine.sdk.api
            with api.post(
                f"{api.base_url}/v{api.api_version}/images/load",
                params={"quiet": "0"},
                data=iter(archive),
                headers={"Content-Type": "application/x-tar"},
                stream=True,
                timeout=(CALL_TIMEOUT, SILENCE),
            ) as response:
                if not response.ok:
                    raise _refused(_message(response))
                for line in response.iter_lines():
                    if line and (reason := json.loads(line).get("error")):
                        raise _refused(str(reason))

    def free_space(self) -> int | None:
        root = Path(self.engine.machine.root) if self.local and self.engine.machine.root else None
        return shutil.disk_usage(root).free if root and root.exists() else None


def _layers(details: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple((details.get("RootFS") or {}).get("Layers") or ())


def _message(response: Any) -> str:
    try:
        return str(response.json()["message"])
    except (ValueError, KeyError, TypeError):
        return f"status {response.status_code}"


def _refused(reason: str) -> EngineError:
    if "no space left" in reason:
        return EngineError(
            f"Docker could not load the images: {reason}", "free space on the engine's disk: docker system df"
        )
    return EngineError(f"Docker could not load the images: {reason}", "try again; see the engine's log")
