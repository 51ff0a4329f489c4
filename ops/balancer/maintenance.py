"""Maintenance: nginx's configuration to close the site, except for some clients and paths. Pure text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_network

from ops.traffic import Maintenance

BEGIN, END = "    # maintenance\n", "    # end of maintenance\n"

INSIDE = "127.0.0.0/8"
"""The source of videa's own requests in nginx's container, which can check a release while the site is closed."""

_BLOCK = re.compile(f"{BEGIN}(.*?){END}", re.DOTALL)
_ALLOWED = re.compile(r"^        (\S+) 0;$", re.MULTILINE)
_OPEN = re.compile(r'^        "([^"]+)" 0;$', re.MULTILINE)
_RETRY = re.compile(r"\$videa_retry_after \{ default (\d+); \}")


def block(maintenance: Maintenance | None) -> str:
    """The part of upstreams.conf that sets $videa_maintenance (1 closes) and $videa_retry_after."""
    if maintenance is None:
        lines = '    map "" $videa_maintenance { default 0; }\n'
    else:
        allowed = "".join(f"        {network} 0;\n" for network in (INSIDE, *maintenance.allow))
        paths = "".join(f'        "{path}" 0;\n' for path in maintenance.open_paths)
        lines = (
            f"    geo $videa_closed {{\n        default 1;\n{allowed}    }}\n"
            f"    map $uri $videa_maintenance {{\n        default $videa_closed;\n{paths}    }}\n"
        )
    after = maintenance.retry_after if maintenance else 0
    return f'{BEGIN}{lines}    map "" $videa_retry_after {{ default {after}; }}\n{END}'


def read(text: str) -> Maintenance | None:
    """The maintenance in a rendered text; None if the site is open."""
    match = _BLOCK.search(text)
    after = _RETRY.search(match[1]) if match else None
    if match is None or after is None or after[1] == "0":
        return None
    allow = tuple(network for network in _ALLOWED.findall(match[1]) if network[0] != '"' and network != INSIDE)
    return Maintenance(allow, tuple(_OPEN.findall(match[1])), int(after[1]))


def switched(text: str, maintenance: Maintenance | None) -> str:
    """The rendered text with the block for ``maintenance``. Raises ValueError if it has no such block."""
    if not _BLOCK.search(text):
        raise ValueError("it has no block for maintenance")
    return _BLOCK.sub(lambda _: block(maintenance), text, count=1)


def networks(addresses: Iterable[str]) -> tuple[str, ...]:
    """Addresses and networks in nginx's notation. Raises ValueError for anything else."""
    return tuple(str(ip_network(address.strip(), strict=False)) for address in addresses)
