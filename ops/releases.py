"""The name of a release, from the labels of its replicas or from its content. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

IMAGE_ID = "com.docker.compose.image"
CONFIG_HASH = "com.docker.compose.config-hash"
RELEASE = "videa.release"


def release_of(labels: Mapping[str, str]) -> str:
    """The release of a container: videa's label, otherwise a hash of its image and configuration."""
    return labels.get(RELEASE) or release_id(labels.get(IMAGE_ID, ""), labels.get(CONFIG_HASH, ""))


def release_id(image_id: str, config_hash: str) -> str:
    """Names a release by the image's digest and Compose's hash of the service's configuration."""
    return hashlib.sha256(f"{image_id}\n{config_hash}".encode()).hexdigest()[:10]
