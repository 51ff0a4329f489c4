"""Sticky sessions by cookie, as text for nginx.

The cookie has the ids of the client and its replica, so a client stays on its replica as long as that replica is
listed, even if others are added or removed. A hash over the list, even a consistent one, would move clients to every
new replica. Each replica has its own upstream group, in which other replicas are backups.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

COOKIE = "videa_client"

BACKUPS = 2
"""Number of backups for a replica that cannot be reached: nginx does not try more (proxy.conf)."""

CLIENT = "$videa_client"
"""nginx's variable for the client's id: from its cookie or, without one, the new id that it gets now."""


def replica_id(name: str) -> str:
    """The id of a replica in cookies: its length is fixed, and it does not reveal the replica's name."""
    return hashlib.sha256(name.encode()).hexdigest()[:12]


def backups(servers: Sequence[str], name: str) -> tuple[str, ...]:
    """The backups of a replica: the next ones in the list, so that different replicas have different backups."""
    index = servers.index(name)
    return tuple([*servers[index + 1 :], *servers[:index]][:BACKUPS])


def choice(groups: Mapping[str, Sequence[str]]) -> str:
    """The lines that set $videa_upstream to a replica's upstream group, GROUP-ID, and $videa_set_cookie.

    ``groups``: value of $videa_side -> its replicas.
    """
    homes = "".join(
        f'        "{group}:{replica_id(name)}" {replica_id(name)};\n' for group in groups for name in groups[group]
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
        + "".join(_pick(group, servers) for group, servers in groups.items())
        + "    map $videa_side $videa_pick { "
        + "".join(f"{group} $videa_pick_{group}; " for group in groups)
        + "}\n"
        f'    map "$videa_side:$videa_at" $videa_home {{\n        default $videa_pick;\n{homes}    }}\n'
        '    map "" $videa_upstream { default $videa_side-$videa_home; }\n'
        '    map $scheme $videa_secure { default ""; https "; Secure"; }\n'
        '    map "$videa_at:$videa_home" $videa_set_cookie {\n'
        f'        default "{COOKIE}=$videa_client.$videa_home; Path=/; HttpOnly; SameSite=Lax$videa_secure";\n'
        '        "~^(.+):\\1$" "";\n'
        "    }\n"
    )


def _pick(group: str, servers: Sequence[str]) -> str:
    """Picks a replica at random, but always the same one for a client.

    The key has the group, because the client's id alone already decides the group; and the client's previous replica,
    because otherwise all clients of a removed replica would get the one that takes its position in the list.
    """
    *others, last = map(replica_id, servers)
    parts = "".join(f"{100 / len(servers):.2f}% {replica}; " for replica in others)
    return f'    split_clients "{group}$videa_at$videa_client" $videa_pick_{group} {{ {parts}* {last}; }}\n'
