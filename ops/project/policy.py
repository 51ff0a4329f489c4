"""How fast the autoscaler may change the number of replicas, as x-videa writes it: "4/15s" or "100%/15s"."""

from __future__ import annotations

import re

from ops.project.units import DURATION, parse_duration

POLICY = re.compile(rf"(\d{{1,4}})(%?)/({DURATION.pattern})", re.ASCII)
LONGEST_PERIOD = 1800.0
"""The longest period that Kubernetes allows, in seconds."""


class Policy(str):
    """The maximum change per period, in replicas or in percent of the replicas."""

    __slots__ = ()

    @property
    def amount(self) -> int:
        """Number of replicas, or percent of the replicas."""
        return int(self.partition("/")[0].removesuffix("%"))

    @property
    def relative(self) -> bool:
        """Whether ``amount`` is in percent."""
        return self.partition("/")[0].endswith("%")

    @property
    def period(self) -> float:
        """The period in seconds."""
        return float(parse_duration(self.partition("/")[2]))


def read_policy(value: object) -> Policy:
    """Reads "4/15s" or "100%/15s". Raises ValueError."""
    if not isinstance(value, str) or not POLICY.fullmatch(value):
        raise ValueError(f"{value!r} is not a policy; write it as 4/15s or 100%/15s")
    policy = Policy(value)
    if policy.amount == 0:
        raise ValueError(f"{value!r} allows no change; write `select: disabled`")
    if not 0 < policy.period <= LONGEST_PERIOD:
        raise ValueError(f"the period of {value!r} is not between 1s and 30m")
    return policy
