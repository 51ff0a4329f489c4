"""A cache of Compose's answers about the project's files, for a process that asks again and again.

Each answer takes Compose 0.1 s of a core, several times that on a busy machine, and the autoscaler asks when the
machine is busiest.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass, field


@dataclass
class Answers:
    """Remembers answers while ``content`` stays the same.

    ``content``: the content of all files that Compose reads; None if they are unknown, and then nothing is remembered.
    """

    content: Callable[[], object]
    _content: object = field(default=None, init=False)
    _known: dict[Hashable, str] = field(default_factory=dict, init=False)

    @property
    def lasting(self) -> bool:
        """Whether answers are remembered. Raises like ``content``."""
        return self.content() is not None

    def get(self, question: Hashable, ask: Callable[[], str]) -> str:
        """The remembered answer, otherwise that of ``ask``. Raises the errors of ``ask`` and of ``content``."""
        before = self.content()
        if before is None:
            return ask()
        if before != self._content:
            self._content, self._known = before, {}
        if question not in self._known:
            answer = ask()
            if self.content() != before:  # the answer may belong to either content
                return answer
            self._known[question] = answer
        return self._known[question]
