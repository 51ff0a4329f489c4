"""The services that a proxy reaches over a Unix socket in a volume that both mount. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ops.adopt.routes import ProxyFile
from ops.preflight import writes

_SOCKET = re.compile(r"\bunix(?:/|@|:(?://)?)(/[^\s;:'\"}]+)")
"""unix:/run/app.sock in nginx, unix//run/app.sock in Caddy, unix@/run/app.sock in HAProxy."""


def by_socket(file: ProxyFile, services: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """The services that mount the volume in which the proxy's configuration names a socket.

    Two replicas would both listen there, and the second would take the socket from the first.
    """
    code = "\n".join(line.partition("#")[0] for line in file.text.splitlines())
    sockets = _SOCKET.findall(code)
    sources = {
        volume["source"]
        for volume in services[file.proxy].get("volumes") or ()
        if volume.get("source") and any(f"{path}/".startswith(f"{volume['target'].rstrip('/')}/") for path in sockets)
    }
    for name, spec in services.items():
        if name != file.proxy and any(
            volume.get("source") in sources and writes(volume) for volume in spec.get("volumes") or ()
        ):
            yield name
