"""Sessions that stick by cookie, as text for nginx.

The cookie holds the client's id and its replica's, so that a client stays where it is for as long as that replica is
served, whichever others come and go. A hash over the list, consistent as it may be, moves clients to each new replica.
Each replica is a group of its own, whose other servers are asked only when it cannot be reached.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

COOKIE = "videa_client"

SPARE = 2
"""Other replicas that are asked when a client's own cannot be reached: nginx tries no more of them (proxy.conf)."""

CLIENT = "$videa_client"
"""nginx's variable for the client: its cookie's id or, without one, the id that it is given now."""


def replica_id(name: str) -> str:
    """What stands for a replica in cookies: always as long, and no name that tells a stranger anything."""
    return hashlib.sha256(name.encode()).hexdigest()[:12]


def spares(servers: Sequence[str], name: str) -> tuple[str, ...]:
    """Who is asked instead of a replica that cannot be reached: those after it, so that not all go to the same."""
    place = servers.index(name)
    return tuple([*servers[place + 1 :], *servers[:place]][:SPARE])


def choice(sides: Mapping[str, Sequence[str]]) -> str:
    """The lines that set $videa_upstream to a replica's group, SIDE-ID, and $videa_set_cookie.

    ``sides``: the replicas of each side that $videa_side may be.
    """
    homes = "".join(
        f'        "{side}:{replica_id(name)}" {replica_id(name)};\n' for side in sides for name in sides[side]
    )
    return (
        f"    map $cookie_{COOKIE} $videa_client {{\n"
        "        default $request_id;\n"
        '        "~^(?<videa_c>[0-9a-f]{32})(\\.|$)" $videa_c;\n'
        "    }\n"
        f"    map $cookie_{COOKIE} $videa_at {{\n"
        '        default "";\n'
        '        "~^[0-9a-f]{32}\\.(?<videa_r>[0-9a-f]{12})$" $videa_r;\n'
        "    }\n"
        + "".join(_pick(side, servers) for side, servers in sides.items())
        + "    map $videa_side $videa_pick { "
        + "".join(f"{side} $videa_pick_{side}; " for side in sides)
        + "}\n"
        f'    map "$videa_side:$videa_at" $videa_home {{\n        default $videa_pick;\n{homes}    }}\n'
        '    map "" $videa_upstream { default $videa_side-$videa_home; }\n'
        '    map $scheme $videa_secure { default ""; https "; Secure"; }\n'
        '    map "$videa_at:$videa_home" $videa_set_cookie {\n'
        f'        default "{COOKIE}=$videa_client.$videa_home; Path=/; HttpOnly; SameSite=Lax$videa_secure";\n'
        '        "~^(.+):\\1$" "";\n'
        "    }\n"
    )


def _pick(side: str, servers: Sequence[str]) -> str:
    """By chance, but the same for a client again.

    Not by the bare id, which decides the side already; and also by where it was, or all clients of a replica that left
    would go to the one that took its place in the list.
    """
    *others, last = map(replica_id, servers)
    parts = "".join(f"{100 / len(servers):.2f}% {each}; " for each in others)
    return f'    split_clients "{side}$videa_at$videa_client" $videa_pick_{side} {{ {parts}* {last}; }}\n'
