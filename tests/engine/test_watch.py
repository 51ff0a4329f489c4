"""`videa watch`: a replica that accepts connections and never answers leaves the balancer until it answers again.

rollout/test_waits.py has a deploy beside it.
"""

from __future__ import annotations

import signal
import subprocess

from tests.engine.conftest import LiveStack


def test_a_frozen_replica_is_out_until_it_answers_again(stack: LiveStack, watching: subprocess.Popen[str]) -> None:
    both = set(stack.replicas())
    frozen = min(both)
    stack.docker("pause", frozen)
    try:
        stack.until(lambda: stack.in_balancer() == both - {frozen})
    finally:
        stack.docker("unpause", frozen)
    stack.until(lambda: stack.in_balancer() == both)
    watching.send_signal(signal.SIGINT)
    _, said = watching.communicate(timeout=30)
    assert f"{frozen} removed from the balancer: " in said
    assert f"{frozen} returned to the balancer" in said
