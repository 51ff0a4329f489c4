"""How nginx passes requests on: x-videa.proxy as one line of upstreams.conf, which image/settings.sh reads. Pure.

The line has only what differs from the defaults, which the image has too: without the line, and before videa writes
anything, a plain ``docker compose up`` runs with them. The image turns it into directives within what its memory and
disk hold.
"""

from __future__ import annotations

from ops.traffic import Proxy

DEFAULT = Proxy()


def line(proxy: Proxy) -> str:
    """The line "# proxy: NAME=VALUE ...", in KiB and seconds; empty for the defaults."""
    settings = [f"{name}={value}" for name, value in values(proxy).items() if value != values(DEFAULT)[name]]
    return f"    # proxy: {' '.join(settings)}\n" if settings else ""


def values(proxy: Proxy) -> dict[str, str]:
    """Name -> value, as image/settings.sh reads them."""
    return {
        "max_body": str(-(-proxy.max_body // 1024)),
        "read_timeout": str(max(1, round(proxy.read_timeout))),
        "response_headers": str(-(-proxy.response_headers // 1024)),
        "buffering": "on" if proxy.buffering else "off",
        "websocket_timeout": str(max(1, round(proxy.websocket_timeout))),
        "trusted": ",".join(proxy.trusted),
    }
