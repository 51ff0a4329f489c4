"""Closing the site: what nginx answers instead of the service, and who is let in all the same. Pure text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from ipaddress import ip_network

from ops.traffic import Maintenance

BEGIN, END = "    # maintenance\n", "    # end of maintenance\n"

INSIDE = "127.0.0.0/8"
"""videa's own requests, which it sends inside nginx's container: a release can be checked while the site is closed."""

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
    """What the block in a rendered text says; None when the site is open."""
    found = _BLOCK.search(text)
    after = _RETRY.search(found[1]) if found else None
    if found is None or after is None or after[1] == "0":
        return None
    allow = tuple(network for network in _ALLOWED.findall(found[1]) if network[0] != '"' and network != INSIDE)
    return Maintenance(allow, tuple(_OPEN.findall(found[1])), int(after[1]))


def switched(text: str, maintenance: Maintenance | None) -> str:
    """The rendered text with another block. Raises ValueError when it has none."""
    if not _BLOCK.search(text):
        raise ValueError("it has no part about maintenance")
    return _BLOCK.sub(lambda _: block(maintenance), text, count=1)


def networks(addresses: Iterable[str]) -> tuple[str, ...]:
    """Addresses and networks in nginx's notation. Raises ValueError for what is neither."""
    return tuple(str(ip_network(address.strip(), strict=False)) for address in addresses)
