"""Compares the answers of the canary with those of stable. Pure: the mix of answers of both, by route, in; text out.

A release that answers 404 to everything has no failed request and is fast. Therefore the shares of redirects, client
errors, server errors and successful answers without a body are compared with stable's: for all requests together and
for each route, because one broken route is not visible among many good ones. Each comparison is Fisher's exact test,
one-sided: a larger share of good answers is not a fault. With Bonferroni's correction (Dunn, Multiple Comparisons Among
Means, JASA 56, 1961), all tests together fail a good release with at most the probability of the level. Tests that
cannot find a difference, because neither sample has such an answer, are not counted (Tarone, Biometrics 46, 1990).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ops.balancer.tally import OTHERS, Mix, total
from ops.rollout.exact import fisher

SHIFT = 0.05
"""A share may exceed stable's by this much before it is tested: a small change is not a fault.

It does not apply to server errors, which are always faults.
"""

SUCCESS, REDIRECT, CLIENT_ERROR, SERVER_ERROR = 2, 3, 4, 5
_WORDS = {
    REDIRECT: "redirects (3xx)",
    CLIENT_ERROR: "client errors (4xx)",
    SERVER_ERROR: "server errors (5xx or no answer)",
}


@dataclass(frozen=True, slots=True)
class _Comparison:
    """``words``: the kind of answer; ``hits`` out of ``tries``, for the canary and for stable."""

    words: str
    hits: int
    tries: int
    stable_hits: int
    stable_tries: int
    shift: float = SHIFT

    @property
    def shares(self) -> tuple[float, float]:
        return self.hits / self.tries, self.stable_hits / self.stable_tries

    @property
    def chance(self) -> float:
        """The p-value of the hypothesis that the canary's share is at most stable's share plus ``shift``."""
        allowed = min(self.stable_tries, self.stable_hits + math.ceil(self.shift * self.stable_tries))
        return fisher(self.hits, self.tries, allowed, self.stable_tries)


def difference(canary: Mapping[str, Mix], stable: Mapping[str, Mix], level: float) -> str:
    """The most significant kind of answer that the canary gives more often than stable; empty if none, at ``level``."""
    compared = [*_compare("", total(canary), total(stable))]
    if len(stable.keys() | canary.keys()) > 1:
        for route in sorted(canary.keys() & stable.keys()):
            compared += _compare(f" at {'other routes' if route == OTHERS else route}", canary[route], stable[route])
    if not compared:
        return ""
    worst = min(compared, key=lambda comparison: comparison.chance)
    corrected = level / len(compared)
    if worst.chance >= corrected:
        return ""
    share, before = worst.shares
    return (
        f"{worst.words}: {100 * share:.2f}% of its answers, {100 * before:.2f}% of stable's "
        f"(p = {worst.chance:.2g}, level {level:g} over {len(compared)} tests)"
    )


def _compare(where: str, canary: Mix, stable: Mix) -> Iterator[_Comparison]:
    for kind, words in _WORDS.items():
        if canary.answers and stable.answers and canary.classes[kind] + stable.classes[kind]:
            shift = 0.0 if kind == SERVER_ERROR else SHIFT
            yield _Comparison(
                words + where, canary.classes[kind], canary.answers, stable.classes[kind], stable.answers, shift
            )
    if canary.bodies and stable.bodies and canary.empty + stable.empty:
        yield _Comparison(f"answers without a body{where}", canary.empty, canary.bodies, stable.empty, stable.bodies)
