"""The mounts of a service: volumes, folders of the host, and memory. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ops.swarm.values import in_bytes, text


def mounts(definition: Mapping[str, Any], model: Mapping[str, Any], project: str) -> Iterator[dict[str, Any]]:
    """The mounts of a service, including `tmpfs` and `shm_size`, which are not mounts in Compose."""
    for mount in definition.get("volumes") or ():
        kind = mount["type"]
        spec = {"Type": kind, "Target": mount["target"], "ReadOnly": bool(mount.get("read_only"))}
        if kind == "tmpfs":
            yield {**spec, "TmpfsOptions": _tmpfs(mount.get("tmpfs") or {})}
        elif kind == "volume" and mount.get("source"):
            yield {**spec, **_volume(mount["source"], model, project)}
        else:
            yield {**spec, **({"Source": mount["source"]} if mount.get("source") else {})}
    tmpfs = definition.get("tmpfs") or []
    for short in [tmpfs] if isinstance(tmpfs, str) else tmpfs:
        target, _, options = short.partition(":")
        pairs = dict(each.partition("=")[::2] for each in options.split(",") if each)
        yield {"Type": "tmpfs", "Target": target, "TmpfsOptions": _tmpfs(pairs)}
    if definition.get("shm_size"):
        size = {"SizeBytes": in_bytes(definition["shm_size"])}
        yield {"Type": "tmpfs", "Target": "/dev/shm", "TmpfsOptions": size}  # noqa: S108 (in the container)


def _volume(source: str, model: Mapping[str, Any], project: str) -> dict[str, Any]:
    """The volume with Compose's labels, so that Compose recognizes it when the project moves back."""
    volume = (model.get("volumes") or {}).get(source) or {}
    name = str(volume.get("name") or f"{project}_{source}")
    if volume.get("external"):
        return {"Source": name}
    options: dict[str, Any] = {
        "Labels": {"com.docker.compose.project": project, "com.docker.compose.volume": source},
    }
    if volume.get("driver") or volume.get("driver_opts"):
        driver = {"Name": volume.get("driver") or "local", "Options": text(volume.get("driver_opts") or {})}
        options["DriverConfig"] = driver
    return {"Source": name, "VolumeOptions": options}


def _tmpfs(options: Mapping[str, Any]) -> dict[str, int]:
    found = {}
    if options.get("size"):
        found["SizeBytes"] = in_bytes(options["size"])
    if options.get("mode"):
        mode = options["mode"]
        found["Mode"] = mode if isinstance(mode, int) else int(mode, 8)
    return found
