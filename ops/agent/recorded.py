"""The services that the agent manages: the ones in the outline that videa's commands have recorded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ops import documents
from ops.documents import Kind
from ops.errors import PlanRefused
from ops.platform.ports import Store
from ops.project import outline
from ops.project.config import Project
from ops.stack import Stack


@dataclass
class Recorded:
    """Called before each round; returns the same stacks until the outline changes. ``open``: creates a stack."""

    store: Store
    project: str
    open: Callable[[Project], Stack]
    _content: bytes | None = field(default=None, init=False)
    _stacks: Sequence[Stack] = field(default=(), init=False)

    def __call__(self) -> Sequence[Stack]:
        """The services that get requests. Raises PlanRefused if the agent must do nothing, ConfigError, EngineError."""
        content = documents.load(self.store, Kind.OUTLINE, self.project)
        if content != self._content:
            self._stacks = self._open(outline.parse(content, self.project))
            self._content = content
        return self._stacks

    def _open(self, project: Project | None) -> Sequence[Stack]:
        if project is None:
            raise PlanRefused(f"no command of videa has recorded {self.project} yet", "in its folder: videa up")
        if not project.settings.agent:
            raise PlanRefused("x-videa.agent is off, so the agent does nothing", "set it to on, then: videa up")
        stack = self.open(project)
        return tuple(map(stack.of, project.served))
