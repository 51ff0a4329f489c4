"""A second balancer for the seconds in which nothing listens on the published port."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace

from ops.balancer.nginx import Balancer
from ops.errors import BalancerError, EngineError
from ops.events import Emit
from ops.notices import PortGap
from ops.platform.stand_in_ports import StandIns
from ops.stack import Stack

NOT_WANTED = "--no-redirect was given"


@dataclass
class StandIn:
    """A running stand-in. ``stack``: the project with it as balancer; ``gap``: why it gets no connections."""

    stack: Stack
    balancer: str
    name: str
    gap: str
    emit: Emit
    _redirecting: bool = field(default=False, init=False)

    def redirect(self) -> bool:
        """Sends new connections to the stand-in. If that fails, says why and returns False. Raises EngineError."""
        if not self.gap:
            try:
                self._all.redirect(self.balancer, self.name)
            except EngineError as error:
                self._all.release(self.name)
                self.emit(PortGap(error.message))
            else:
                self._redirecting = True
        return self._redirecting

    def release(self) -> None:
        """Sends new connections to the container that has the port. Raises EngineError."""
        if self._redirecting:
            self._all.release(self.name)
            self._redirecting = False

    @property
    def _all(self) -> StandIns:
        return self.stack.platform.stand_ins


def gap(stack: Stack, wanted: bool) -> str:
    """Why connections are refused while the port moves, as far as is known; "" if none will be. Raises EngineError."""
    return stack.platform.stand_ins.obstacle() if wanted else NOT_WANTED


@contextmanager
def standing_in(
    stack: Stack, balancer: str, serves: Callable[[Stack], None], emit: Emit, reason: str
) -> Iterator[StandIn]:
    """Runs a container like ``balancer`` beside it, until the end, and then until it has completed its requests.

    ``serves``: returns when the balancer of a stack answers, or raises; ``reason``: of a gap. Raises EngineError,
    BalancerError.
    """
    every, name = stack.platform.stand_ins, name_of(stack)
    clear(stack)
    try:
        every.start(balancer, name, publish=not reason)
        standing = replace(stack, connect=lambda: Balancer(stack.platform, name))
        serves(standing)
        yield StandIn(standing, balancer, name, reason, emit)
    finally:
        every.remove(name)


@contextmanager
def covered(
    stack: Stack, balancer: str, serves: Callable[[Stack], None], emit: Emit, reason: str
) -> Iterator[StandIn | None]:
    """New connections go to a stand-in for the container ``balancer``, until it is released or the block ends.

    Yields None, after having said why, where that cannot be. Otherwise like ``standing_in``.
    """
    with ExitStack() as meanwhile:
        standing = None
        try:
            if not reason:
                standing = meanwhile.enter_context(standing_in(stack, balancer, serves, emit, reason))
        except (EngineError, BalancerError) as error:
            reason = error.message
        if reason:
            emit(PortGap(reason))
        yield standing if standing and standing.redirect() else None


def clear(stack: Stack) -> None:
    """Removes the stand-in of a command that was killed, if there is one. Raises EngineError."""
    stack.platform.stand_ins.remove(name_of(stack))


def name_of(stack: Stack) -> str:
    """The name of the stand-in's container: one for each project."""
    return f"videa.stand-in.{stack.project.name}"
