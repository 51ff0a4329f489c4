"""When to renew a certificate, and when to retry a failure. Pure. Times are Unix times, durations seconds."""

from __future__ import annotations

import math
from hashlib import sha256

from ops.balancer.certificates import Info
from ops.certificates.state import DomainState

LEFT = 1 / 3
"""Share of the lifetime left at renewal, as Let's Encrypt recommends and certbot, Caddy and lego implement."""

JITTER = 0.1
"""Share of this third by which a renewal may be earlier, so that many machines do not renew at the same time."""

LATEST = 1 / 2
"""Share of this third that must be left at renewal, whatever the certificate authority suggests."""

FIRST, LONGEST = 300.0, 6 * 3600.0
"""Until the next try after a failure, doubled after each further one; and the maximum. Let's Encrypt allows five failed
validations of a name within an hour: the tries are at 0, 5, 15, 35 and 75 minutes."""

MOST_RETRY_AFTER = 7 * 86400.0
"""Maximum Retry-After that is honored: the longest window of Let's Encrypt's rate limits."""


def fraction(domain: str) -> float:
    """A number from 0 to 1, always the same for a domain."""
    return int.from_bytes(sha256(domain.encode()).digest()[:4], "big") / 2**32


def renewal(domain: str, info: Info, suggested: float | None = None) -> float:
    """When the certificate is renewed. ``suggested``: by the certificate authority (ARI, RFC 9773)."""
    third = (info.not_after - info.not_before) * LEFT
    if suggested is not None:
        return min(suggested, info.not_after - third * LATEST)
    return info.not_after - third * (1 + JITTER * fraction(domain))


def next_try(domain: str, info: Info | None, state: DomainState) -> float:
    """When the next certificate is ordered; a time in the past means now."""
    due = renewal(domain, info, state.suggested_for(info)) if info else -math.inf
    return max(due, state.retry_at)


def pause(domain: str, failures: int, retry_after: float | None = None) -> float:
    """Time until the next try after ``failures`` in a row, at least ``retry_after``."""
    exponential = min(LONGEST, FIRST * 2.0 ** min(failures - 1, 20))
    return max(exponential * (1 + JITTER * fraction(domain)), min(retry_after or 0.0, MOST_RETRY_AFTER))
