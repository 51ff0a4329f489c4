"""The replicas that an operation has started, and which of them are asked again while it goes on. Pure.

After each batch, those of the batch before are asked again: they have had requests since. All are asked when their
number has doubled, and after the last batch: a replica that has become unready stops the operation, and the probes of
an operation grow with its replicas, not with their square.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass
class Started:
    """``names``: in the order of their start, see ``start_replicas``."""

    names: list[str] = field(default_factory=list)
    _asked: int = 0
    _before: int = 0
    """Start of the batch before in ``names``."""
    _all: int = 0
    """Their number when all were asked."""

    def due(self, last: bool, states: Mapping[str, str]) -> list[str]:
        """Those to ask now. ``last``: no more batch follows; ``states``: of all, see ``Platform.states``.

        One that does not run is always among them.
        """
        count = len(self.names)
        since, self._before, self._asked = self._before, self._asked, count
        if last or count >= 2 * self._all:
            self._all, since = count, 0
        return [name for number, name in enumerate(self.names) if number >= since or states.get(name) != "running"]
