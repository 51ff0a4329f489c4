"""videa's operations as a library, in a process that stops where it is told to and waits there to be killed.

    driver.py deploy IMAGE STRATEGY PLACE    driver.py resume PLACE    driver.py abort
    driver.py freeze IMAGE STRATEGY PLACE LEASE    driver.py freeze IMAGE STRATEGY MODULE.FUNCTION LEASE

PLACE: the first words of a step's text; empty for nowhere. `freeze` sends SIGSTOP to the process, once, and continues
after SIGCONT; FUNCTION: between its permit and its change; LEASE: seconds for which its lock is valid.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

from ops.errors import VideaError
from ops.events import Event, StepStarted
from ops.factory import open_stack
from ops.operations import Operation
from ops.project.loading import load
from ops.rollout import lease as lease_module
from ops.rollout.lease import Lease
from ops.rollout.request import Request, Strategy
from ops.rollout.targets import image_target
from videa_cli.exit_codes import exit_code_of
from videa_cli.words import words


class Stopper:
    """Prints the step at which it stops the process for good."""

    def __init__(self, place: str) -> None:
        self.place = place

    def __call__(self, event: Event) -> None:
        if not isinstance(event, StepStarted) or not self.place:
            return
        text = words(event.step)
        if text.startswith(self.place):
            sys.stdout.write(text + "\n")
            sys.stdout.flush()
            threading.Event().wait()


def freeze_in(function: str) -> None:
    """Stops this process once, after a permit for a change that ``function`` makes."""
    permit, frozen = Lease.permit, []

    def permit_and_freeze(lease: Lease, above: int = 0) -> int:
        number = permit(lease, above)
        code = sys._getframe(1).f_code
        if f"{Path(code.co_filename).stem}.{code.co_name}" == function and not frozen:
            frozen.append(number)
            os.kill(os.getpid(), signal.SIGSTOP)
        return number

    Lease.permit = permit_and_freeze  # type: ignore[method-assign]


def freeze_at(place: str, event: Event) -> None:
    """Stops this process at the start of a step."""
    if isinstance(event, StepStarted) and words(event.step).startswith(place):
        os.kill(os.getpid(), signal.SIGSTOP)


def main(verb: str, *arguments: str) -> None:
    if verb == "freeze":
        image, strategy, place, lease = arguments
        lease_module.LEASE, lease_module.RENEWAL = int(lease), 1.0
        freeze_in(place)
        operation = Operation(open_stack(load()), lambda event: freeze_at(place, event), "driver freeze")
        try:
            operation.deploy(image_target(operation.stack, image), Request(Strategy(strategy)))
        except VideaError as error:
            sys.exit(f"{exit_code_of(error)} {error.message}; {error.hint}")
        return
    operation = Operation(open_stack(load()), Stopper(arguments[-1] if arguments else ""), f"driver {verb}")
    if verb == "resume":
        operation.resume()
    elif verb == "abort":
        operation.abort()
    else:
        shares = operation.stack.project.settings.canary.steps
        request = Request(Strategy(arguments[1]), keep=3.0, paths=("/health/live",), shares=tuple(shares))
        operation.deploy(image_target(operation.stack, arguments[0]), request)


if __name__ == "__main__":
    main(*sys.argv[1:])
