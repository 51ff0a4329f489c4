"""The balancer's image: built from the files in ``image/``, which are part of this package; its tag is their hash."""

from __future__ import annotations

import re
from functools import cache
from hashlib import sha256
from pathlib import Path

from ops.errors import ImageUnavailable
from ops.events import Emit, announced
from ops.notices import BalancerOutdated
from ops.platform.image_ports import Images

FOLDER = Path(__file__).parent / "image"
REPOSITORY = "videa-nginx"
FROM_DEBIAN = "videa/nginx"
"""The base image built from Debian packages, on machines without a registry."""
SCRIPT = Path(__file__).parent / "base" / "make.sh"

_OWN = re.compile(rf"{REPOSITORY}:[0-9a-f]{{12}}")
_BASE = re.compile(r"^ARG NGINX_BASE=(\S+)$", re.MULTILINE)


@cache
def reference() -> str:
    """The image of this version of videa: its tag is a hash of the packaged files."""
    content = sha256()
    for path in sorted(FOLDER.iterdir()):
        content.update(f"{path.name}\0{path.stat().st_size}\0".encode() + path.read_bytes())
    return f"{REPOSITORY}:{content.hexdigest()[:12]}"


def ensure_image(images: Images, emit: Emit) -> str:
    """Builds the image of this version unless it is present, and returns its name.

    Raises ImageUnavailable if there is no base image, EngineError.
    """
    wanted = reference()
    if not images.present(wanted):
        base = _base(images, emit)
        with announced(f"build {wanted} from {base}", emit):
            images.build(wanted, FOLDER, {"NGINX_BASE": base})
    return wanted


def provide(images: Images, declared: str, emit: Emit) -> None:
    """Builds the image that a project declares for its balancer, if it is missing and of this version.

    A present image of another version is used and reported. Raises ImageUnavailable, EngineError.
    """
    if declared == reference():
        ensure_image(images, emit)
    elif _OWN.fullmatch(declared) and images.present(declared):
        emit(BalancerOutdated(declared))
    elif _OWN.fullmatch(declared):
        raise ImageUnavailable(
            f"there is no image {declared}, and this version of videa builds {reference()}",
            "write its name into the overlay: videa init",
        )


def _base(images: Images, emit: Emit) -> str:
    """A base image: one that is present, otherwise the official one, otherwise one built from Debian packages."""
    official = str(_BASE.findall((FOLDER / "Dockerfile").read_text())[0])
    for base in (official, FROM_DEBIAN):
        if images.present(base):
            return base
    try:
        with announced(f"pull {official}", emit):
            images.ensure(official)
        return official
    except ImageUnavailable as error:
        no_registry = error
    try:
        with announced(f"make {FROM_DEBIAN} from Debian packages", emit):
            images.make(FROM_DEBIAN, SCRIPT)
        return FROM_DEBIAN
    except ImageUnavailable as error:
        raise ImageUnavailable(
            f"the balancer's image needs {official}: {no_registry.message}; and {error.message}",
            f"make this command work: docker pull {official}",
            f"{no_registry.detail}\n{error.detail}".strip(),
        ) from error
