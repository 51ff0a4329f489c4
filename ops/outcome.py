"""The result of an operation, for its callers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ops.balancer.proof import Proof
from ops.batch import combined
from ops.events import Standing, VerdictGiven
from ops.notices import NotServing
from ops.parts import Part
from ops.steps import Plan, Remember


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of an operation. ``seconds``: its duration; ``proof``: None for a dry run or without any step.

    ``parts``: for each service; ``verdicts``: on a canary; ``waiting``: the operation has not ended but waits without a
    process; ``rolled_back``: the operation was rolled back, as it was asked for, or had begun before this process;
    ``idle``: replicas that it left as they were and that do not serve.
    """

    plan: Plan
    seconds: float
    proof: Proof | None
    verdicts: tuple[VerdictGiven, ...] = ()
    parts: tuple[Part, ...] = ()
    waiting: Standing | None = None
    rolled_back: bool = False
    idle: tuple[NotServing, ...] = ()

    @property
    def changes(self) -> bool:
        """Whether it does more than record what runs already, or completes what was begun before."""
        steps = any(not isinstance(step, Remember) for step in self.plan.steps)
        return steps or any(part.header for part in self.parts)


def planned(parts: Sequence[Part]) -> Outcome:
    """The outcome of a dry run, or of an operation that has nothing to do."""
    return Outcome(combined(parts).redacted, 0.0, None, parts=tuple(parts))
