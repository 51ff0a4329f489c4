"""The replicas that an operation has started, and which of them are probed again while it continues. Pure.

After each batch, those of the batch before are asked again: they have had requests since. All are asked when their
number has doubled, and after the last batch: a replica that has become unready stops the operation. Whether they still
run is looked at in turn, LOOKED after each batch. So an operation grows with its replicas, not with their square.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

LOOKED = 200
"""Replicas whose states are looked at after a batch: with fewer, that of each."""


@dataclass
class Started:
    """``names``: in the order of their start, see ``start_replicas``."""

    names: list[str] = field(default_factory=list)
    _asked: int = 0
    _before: int = 0
    """Start of the batch before in ``names``."""
    _all: int = 0
    """Their number when all were asked."""
    _looked: int = 0
    """End of those that were looked at before."""

    def looked(self) -> list[str]:
        """Those whose states to look at now."""
        begin = self._looked if self._looked < len(self.names) else 0
        self._looked = begin + LOOKED
        return self.names[begin : self._looked]

    def due(self, last: bool, ended: Collection[str]) -> list[str]:
        """Those to ask now. ``last``: no more batch follows; ``ended``: those of ``looked`` that do not run."""
        count = len(self.names)
        since, self._before, self._asked = self._before, self._asked, count
        if last or count >= 2 * self._all:
            self._all, since = count, 0
        return [name for number, name in enumerate(self.names) if number >= since or name in ended]
