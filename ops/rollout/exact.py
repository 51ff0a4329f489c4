"""Exact one-sided tests of counts. Pure, with the standard library only."""

from __future__ import annotations

import math
from collections.abc import Iterable

NEGLIGIBLE = 1e-12
"""Beyond the mode, the terms of a tail decrease faster and faster: terms below this share of the sum are ignored."""


def fisher(hits: int, requests: int, other_hits: int, other_requests: int) -> float:
    """One-sided p of Fisher's exact test: the chance of at least ``hits`` if both samples have the same rate.

    Fisher, Statistical Methods for Research Workers, 5th ed. (1934), section 21.02: the hypergeometric tail.
    """
    all_hits, everything = hits + other_hits, requests + other_requests
    if hits * other_requests <= other_hits * requests:
        return 1.0
    ways = _choose(everything, requests)
    return _sum(
        _choose(all_hits, k) + _choose(everything - all_hits, requests - k) - ways
        for k in range(hits, min(all_hits, requests) + 1)
        if everything - all_hits >= requests - k
    )


def tail(count: int, hits: int, chance: float) -> float:
    """P(X >= ``hits``) for a binomial distribution with ``count`` trials of probability ``chance``."""
    if hits <= count * chance:
        return 1.0
    if chance <= 0:
        return 0.0
    return _sum(
        _choose(count, k) + k * math.log(chance) + (count - k) * math.log1p(-chance) for k in range(hits, count + 1)
    )


def _sum(logarithms: Iterable[float]) -> float:
    """The sum of a tail's terms, at most 1."""
    total = 0.0
    for term in map(math.exp, logarithms):
        total += term
        if term <= total * NEGLIGIBLE:
            break
    return min(1.0, total)


def _choose(n: int, k: int) -> float:
    """Logarithm of the binomial coefficient."""
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
