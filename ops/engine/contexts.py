"""Docker contexts, as the docker command stores them: in DOCKER_CONFIG, by default ~/.docker.

The SDK looks for them next to a config.json, which `docker context create` does not write.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from ops.errors import EngineUnreachable

if TYPE_CHECKING:
    from docker.tls import TLSConfig

CA = "ca.pem"
"""The file, in a folder of TLS files, that is used to verify the engine's certificate."""

DEFAULT = "default"
"""The context for the local socket; it is not stored on disk."""


class DockerContext(msgspec.Struct, frozen=True):
    """``url``: the engine's address, "" for the local socket; ``tls``: None without TLS."""

    url: str = ""
    tls: TLSConfig | None = None


def read_context(environment: Mapping[str, str]) -> DockerContext:
    """The context in DOCKER_CONTEXT, otherwise the current one. Raises EngineUnreachable if it does not exist."""
    folder = config_folder(environment)
    chosen = environment.get("DOCKER_CONTEXT")
    name = chosen or str(_read(folder / "config.json").get("currentContext") or DEFAULT)
    if name == DEFAULT:
        return DockerContext()
    place = sha256(name.encode()).hexdigest()
    endpoint = (_read(folder / "contexts" / "meta" / place / "meta.json").get("Endpoints") or {}).get("docker")
    if endpoint is None:
        raise EngineUnreachable(
            f"there is no Docker context {name!r}" if chosen else f"the current Docker context {name!r} does not exist",
            "see `docker context ls`, then `docker context use NAME` or DOCKER_CONTEXT",
        )
    files = folder / "contexts" / "tls" / place / "docker"
    return DockerContext(str(endpoint.get("Host") or ""), _tls(files, bool(endpoint.get("SkipTLSVerify"))))


def config_folder(environment: Mapping[str, str]) -> Path:
    """The folder with the docker command's settings."""
    return Path(environment.get("DOCKER_CONFIG") or Path("~/.docker").expanduser())


def own_certificate(folder: Path) -> tuple[str, str] | None:
    """The paths of the client certificate and its key; None if one of the files is missing."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    return (str(certificate), str(key)) if certificate.is_file() and key.is_file() else None


def _tls(files: Path, skip_verify: bool) -> TLSConfig | None:
    ca, own = files / CA, own_certificate(files)
    if not ca.is_file() and own is None and not skip_verify:
        return None
    from docker.tls import TLSConfig

    return TLSConfig(client_cert=own, ca_cert=str(ca) if ca.is_file() else None, verify=not skip_verify)


def _read(path: Path) -> dict[str, Any]:
    """The JSON object in a file; empty if it is unreadable."""
    try:
        content = msgspec.json.decode(path.read_bytes())
    except (OSError, msgspec.MsgspecError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
