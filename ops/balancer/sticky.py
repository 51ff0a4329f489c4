"""Sticky sessions by cookie, as text for nginx.

The cookie contains the ids of the client and its replica, so a client stays on its replica as long as that replica is
listed, even if others are added or removed. A hash over the list, even a consistent one, would move clients to every
new replica. Each replica has its own upstream group, in which other replicas are backups.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from ops.balancer.scope import ALONE, Scope

COOKIE = "videa_client"

BACKUPS = 2
"""Number of backups for a replica that cannot be reached: nginx does not try more (proxy.conf)."""

CLIENT = "client"
"""nginx's variable for the client's id: from its cookie or, without one, the new id that it gets now."""


def replica_id(name: str) -> str:
    """The id of a replica in cookies: it has a fixed length and does not reveal the replica's name."""
    return hashlib.sha256(name.encode()).hexdigest()[:12]


def backups(servers: Sequence[str], name: str) -> tuple[str, ...]:
    """The backups of a replica: the next ones in the list, so that different replicas have different backups."""
    index = servers.index(name)
    return tuple([*servers[index + 1 :], *servers[:index]][:BACKUPS])


def choice(groups: Mapping[str, Sequence[str]], scope: Scope = ALONE) -> str:
    """The lines that set $videa_upstream to a replica's upstream group, GROUP-ID, and $videa_set_cookie.

    ``groups``: value of $videa_side -> its replicas.
    """
    cookie, c, r = scope.name(COOKIE), scope.name("videa_c"), scope.name("videa_r")
    client, at, side = scope.variable(CLIENT), scope.variable("at"), scope.variable("side")
    pick, home, secure = scope.variable("pick"), scope.variable("home"), scope.variable("secure")
    homes = "".join(
        f'        "{group}:{replica_id(name)}" {replica_id(name)};\n' for group in groups for name in groups[group]
    )
    return (
        f"    map $cookie_{cookie} {client} {{\n"
        "        default $request_id;\n"
        f'        "~^(?<{c}>[0-9a-f]{{32}})(\\.|$)" ${c};\n'
        "    }\n"
        f"    map $cookie_{cookie} {at} {{\n"
        '        default "";\n'
        f'        "~^[0-9a-f]{{32}}\\.(?<{r}>[0-9a-f]{{12}})$" ${r};\n'
        "    }\n"
        + "".join(_pick(group, servers, scope) for group, servers in groups.items())
        + f"    map {side} {pick} {{ "
        + "".join(f"{group} {_picked(group, scope)}; " for group in groups)
        + "}\n"
        f'    map "{side}:{at}" {home} {{\n        default {pick};\n{homes}    }}\n'
        f'    map "" {scope.variable("upstream")} {{ default {side}{scope.ending}-{home}; }}\n'
        f'    map $scheme {secure} {{ default ""; https "; Secure"; }}\n'
        f'    map "{at}:{home}" {scope.variable("set_cookie")} {{\n'
        f'        default "{cookie}={client}.{home}; Path=/; HttpOnly; SameSite=Lax{secure}";\n'
        '        "~^(.+):\\1$" "";\n'
        "    }\n"
    )


def _pick(group: str, servers: Sequence[str], scope: Scope) -> str:
    """Picks a replica at random, but always the same one for a client.

    The key includes the group, because the client's id alone already determines the group; and the client's previous
    replica, because otherwise all clients of a removed replica would move to the one that takes its position in the
    list.
    """
    *others, last = map(replica_id, servers)
    parts = "".join(f"{100 / len(servers):.2f}% {replica}; " for replica in others)
    key = f"{group}{scope.variable('at')}{scope.variable(CLIENT)}"
    return f'    split_clients "{key}" {_picked(group, scope)} {{ {parts}* {last}; }}\n'


def _picked(group: str, scope: Scope) -> str:
    return scope.variable(f"pick_{group}")
