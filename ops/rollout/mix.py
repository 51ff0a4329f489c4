"""Does the canary answer otherwise than stable does? Pure: the mix of answers by route on both sides in, words out.

A release that answers 404 to everything fails no request and is quick. So the shares of redirects, of errors of the
client's and of the server's side, and of successful answers without a body are compared with stable's: of all requests
together and of each route, as one broken route is lost among many good ones. Fisher's exact test of each, one-sided:
more of what is good fails nobody. With Bonferroni's correction (Dunn, Multiple Comparisons Among Means, JASA 56, 1961)
all of them together fail a good release no more often than the level; tests that could not find anything whatever the
canary did, because neither side has such an answer, are not counted (Tarone, Biometrics 46, 1990).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ops.balancer.tally import OTHERS, Mix, total
from ops.rollout.exact import fisher

SHIFT = 0.05
"""How much larger than stable's a share may be, beyond which the test begins: what changes little is no fault.

Not for errors of the server's side, of which none is welcome.
"""

REDIRECT, CLIENT_ERROR, SERVER_ERROR = 3, 4, 5
_WORDS = {
    REDIRECT: "redirects (3xx)",
    CLIENT_ERROR: "client errors (4xx)",
    SERVER_ERROR: "server errors (5xx or no answer)",
}


@dataclass(frozen=True, slots=True)
class _Comparison:
    """``words``: of what; hits among tries at the canary, and at stable."""

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
        """p, were the canary's share no larger than stable's and ``shift`` more."""
        allowed = min(self.stable_tries, self.stable_hits + math.ceil(self.shift * self.stable_tries))
        return fisher(self.hits, self.tries, allowed, self.stable_tries)


def difference(canary: Mapping[str, Mix], stable: Mapping[str, Mix], level: float) -> str:
    """What the canary answers more often than stable, the clearest first; empty when nothing is beyond ``level``."""
    compared = [*_compare("", total(canary), total(stable))]
    if len(stable.keys() | canary.keys()) > 1:
        for route in sorted(canary.keys() & stable.keys()):
            compared += _compare(f" at {'other routes' if route == OTHERS else route}", canary[route], stable[route])
    if not compared:
        return ""
    worst = min(compared, key=lambda each: each.chance)
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
