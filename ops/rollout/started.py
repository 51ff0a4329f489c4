"""The replicas that an operation has started, and which of them are probed again while it continues. Pure.

After each batch, the replicas of the previous batch are probed again, because they have had requests since. All are
probed when their number has doubled, and after the last batch: a replica that has become unready stops the operation.
The container states are checked in rotation, LOOKED replicas after each batch. The total work therefore grows with the
number of replicas, not with its square.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

LOOKED = 200
"""Number of replicas whose container states are checked after a batch; all of them if there are fewer."""


@dataclass
class Started:
    """``names``: in the order of their start, see ``start_replicas``."""

    names: list[str] = field(default_factory=list)
    _asked: int = 0
    _before: int = 0
    """Index in ``names`` of the first replica of the previous batch."""
    _all: int = 0
    """Number of replicas when all were last probed."""
    _looked: int = 0
    """Index in ``names`` after the last replica whose state was checked."""

    def looked(self) -> list[str]:
        """The replicas whose container states to check now."""
        begin = self._looked if self._looked < len(self.names) else 0
        self._looked = begin + LOOKED
        return self.names[begin : self._looked]

    def due(self, last: bool, ended: Collection[str]) -> list[str]:
        """The replicas to probe now. ``last``: no batch follows; ``ended``: those of ``looked`` that do not run."""
        count = len(self.names)
        since, self._before, self._asked = self._before, self._asked, count
        if last or count >= 2 * self._all:
            self._all, since = count, 0
        return [name for number, name in enumerate(self.names) if number >= since or name in ended]
