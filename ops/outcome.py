"""The result of an operation, as its caller gets it."""

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
    """The result of an operation. ``seconds``: its duration; ``proof``: None for a dry run or if there were no steps.

    ``parts``: one per service; ``verdicts``: on a canary; ``waiting``: the operation has not ended but waits without a
    process; ``rolled_back``: the operation was rolled back, because the user asked for it or because an earlier process
    had started the rollback; ``idle``: replicas that the operation did not touch and that do not serve.
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
        """Whether it does more than record the running state, or resumes an earlier operation."""
        steps = any(not isinstance(step, Remember) for step in self.plan.steps)
        return steps or any(part.header for part in self.parts)


def planned(parts: Sequence[Part]) -> Outcome:
    """The outcome of a dry run, or of an operation that has nothing to do."""
    return Outcome(combined(parts).redacted, 0.0, None, parts=tuple(parts))
