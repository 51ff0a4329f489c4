"""Closing the site: what nginx answers instead of the service, and who is let in all the same. Pure text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_network

BEGIN, END = "    # maintenance\n", "    # end of maintenance\n"

INSIDE = "127.0.0.0/8"
"""videa's own requests, which it sends inside nginx's container: a release can be checked while the site is closed."""

_BLOCK = re.compile(f"{BEGIN}(.*?){END}", re.DOTALL)
_ALLOWED = re.compile(r"^        (\S+) 0;$", re.MULTILINE)
_OPEN = re.compile(r'^        "([^"]+)" 0;$', re.MULTILINE)
_RETRY = re.compile(r"\$videa_retry_after \{ default (\d+); \}")
_PATH = re.compile(r"/[\w./=&%-]*")


@dataclass(frozen=True, slots=True)
class Maintenance:
    """The site is closed: 503 and a page for everybody but ``allow``, everywhere but at ``open_paths``.

    ``allow``: addresses or networks of clients; ``retry_after``: seconds that clients are asked to wait.
    Raises ValueError for what is no address, path or time.
    """

    allow: tuple[str, ...] = ()
    open_paths: tuple[str, ...] = ()
    retry_after: int = 300

    def __post_init__(self) -> None:
        for network in self.allow:
            ip_network(network)
        if any(not _PATH.fullmatch(path) for path in self.open_paths) or self.retry_after < 1:
            raise ValueError(f"not paths or seconds for nginx: {self.open_paths}, {self.retry_after}")


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
