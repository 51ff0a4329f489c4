"""How nginx passes requests on: x-videa.proxy as one line of upstreams.conf, which image/settings.sh reads. Pure.

The line contains only values that differ from the defaults. The image has the same defaults, so a plain ``docker
compose up`` uses them before videa writes anything. The image turns the line into directives, limited to its memory and
disk.
"""

from __future__ import annotations

from collections.abc import Iterable

from ops.traffic import Proxy

DEFAULT = Proxy()


def line(proxy: Proxy, http2: bool = False) -> str:
    """The line "# proxy: NAME=VALUE ...", in KiB and seconds; empty for the defaults.

    ``http2``: the site without TLS also speaks HTTP/2, which gRPC needs.
    """
    settings = [f"{name}={value}" for name, value in values(proxy).items() if value != values(DEFAULT)[name]]
    settings += ["http2=on"] if http2 else []
    return f"    # proxy: {' '.join(settings)}\n" if settings else ""


def together(proxies: Iterable[Proxy]) -> Proxy:
    """Settings that suit every service, because nginx has only one set of them.

    The largest limits, buffering only if no service turns it off, and the networks that any of them trusts.
    """
    each = tuple(proxies)
    return Proxy(
        max_body=max(proxy.max_body for proxy in each),
        read_timeout=max(proxy.read_timeout for proxy in each),
        response_headers=max(proxy.response_headers for proxy in each),
        buffering=all(proxy.buffering for proxy in each),
        websocket_timeout=max(proxy.websocket_timeout for proxy in each),
        trusted=tuple(dict.fromkeys(network for proxy in each for network in proxy.trusted)),
    )


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
