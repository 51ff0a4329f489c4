"""Known messages in error lines: the finding that they point to, and its fix if no check has found it."""

from __future__ import annotations

import re

from msgspec import Struct


class Sign(Struct, frozen=True):
    """``pattern``: of the message; ``finding``: the id that it points to; ``fix``: used if that check finds nothing."""

    pattern: str
    finding: str
    fix: str


SIGNS: tuple[Sign, ...] = (
    Sign(
        # Only after an exception's name, as in a replica's log: PostgreSQL's own log also has users' typing errors.
        r"(?<=. )(?:permission denied for (?:table|sequence|schema|function|view|relation|database)"
        r"|(?:relation|column|function) \S+ does not exist|could not resize shared memory segment)",
        "pg.statements",
        "see what PostgreSQL refuses: docker compose logs --tail 50 postgres",
    ),
    Sign(
        r"reached maximum value of sequence",
        "pg.sequence",
        "give the sequence more values: ALTER SEQUENCE ... AS bigint NO MAXVALUE",
    ),
    Sign(
        r"invalid page in block|page verification failed",
        "pg.damage",
        "check the disk, and restore what is damaged from a backup",
    ),
    Sign(
        r"out of shared memory",
        "pg.locktable",
        "raise max_locks_per_transaction, or touch fewer tables in one transaction",
    ),
    Sign(
        r"too many connections for (?:role|database)",
        "pg.session_limit",
        "raise the CONNECTION LIMIT of the role or database",
    ),
    Sign(
        r"No space left on device|could not (?:extend|write) file .*No space",
        "host.volume",
        "free the volume or the disk: docker system df -v",
    ),
    Sign(
        r"NOAUTH|WRONGPASS|AUTH failed",
        "redis.auth",
        "give the replicas Redis's password in .env (REDIS_PASSWORD), then videa deploy",
    ),
    Sign(
        r"password authentication failed|no pg_hba\.conf entry|pg_hba\.conf rejects|is not permitted to log in"
        r"|is not currently accepting connections|FATAL: +(?:role|database) \S+ does not exist",
        "pg.auth",
        "give the replicas PostgreSQL's password in .env (DATABASE_PASSWORD), then videa deploy",
    ),
    Sign(
        r"read-only transaction|recovery is in progress",
        "pg.read_only",
        "connect to the primary, or: ALTER SYSTEM RESET default_transaction_read_only; SELECT pg_reload_conf()",
    ),
    Sign(
        r"too many (?:clients|connections)|remaining connection slots are reserved",
        "pg.conn_high",
        "lower connection_limit in DATABASE_URL, or raise max_connections",
    ),
    Sign(
        r"worker_connections are not enough|Too many open files",
        "lb.connections",
        "raise the memory and the open files of the service",
    ),
    Sign(
        r"Temporary failure in name resolution|could not translate host name|Name or service not known"
        r"|could not be resolved \((?:2|5|110):|getaddrinfo (?:failed|EAI_AGAIN|ENOTFOUND)|no such host",
        "net.dns",
        "restart the container that says it: docker restart NAME",
    ),
    Sign(
        r"OOM command not allowed",
        "redis.noevict_full",
        "raise maxmemory of Redis, or set maxmemory-policy volatile-lru",
    ),
    Sign(
        r"READONLY You can't write",
        "redis.masters",
        "on the node that should accept writes: redis-cli REPLICAOF NO ONE",
    ),
    Sign(r"NOREPLICAS|NOPERM", "redis.refusing", "see what Redis refuses: docker compose exec redis redis-cli ACL LOG"),
    Sign(r"MISCONF Redis is configured to save", "redis.persist", "see why it cannot save: docker compose logs redis"),
)
_COMPILED = [(re.compile(sign.pattern, re.IGNORECASE), sign) for sign in SIGNS]
_BY_ID = {sign.finding: sign for sign in SIGNS}


def sign_of(line: str) -> str:
    """The id of the finding that the line points to; "" for an unknown line."""
    return next((sign.finding for pattern, sign in _COMPILED if pattern.search(line)), "")


def fix_of(finding: str) -> str:
    """The fix for the fault behind a message, to show in the finding that the message explains."""
    return _BY_ID[finding].fix
