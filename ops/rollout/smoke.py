"""Trying a new release before it has any traffic: commands of the operator and paths, through its private path."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable

from ops.balancer.prober import INSIDE
from ops.balancer.split import HEADER
from ops.errors import ReleaseFailed
from ops.redaction.typed import shown, shown_command
from ops.stack import Stack

PATH_TIMEOUT = 10
COMMAND_TIMEOUT = 300
"""Seconds."""


def check_paths(stack: Stack, paths: Iterable[str], token: str) -> None:
    """GETs each path of the new release through nginx. Raises ReleaseFailed unless all answer 200 to 399."""
    for path in paths:
        command = ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code}", "--max-time", str(PATH_TIMEOUT)]
        answer = stack.gateway.run([*command, "-H", f"{HEADER}: {token}", f"{INSIDE}{path}"])
        status = answer.output.strip()[-3:]
        if not answer.ok or not ("200" <= status < "400"):
            said = status if answer.ok else shown(answer.output.strip(), path)
            raise ReleaseFailed(
                f"the new release answers {shown_command(path)} with {said}",
                "mend the release, then deploy again",
            )


def check_command(stack: Stack, command: str, token: str) -> None:
    """Runs a command of the operator. Raises ReleaseFailed when it fails.

    It finds the stack's address in VIDEA_URL, and in VIDEA_HEADER the header that leads to the new release.
    """
    environment = {**os.environ, "VIDEA_URL": stack.url or "", "VIDEA_HEADER": f"{HEADER}: {token}"}
    try:
        done = subprocess.run(
            ["sh", "-c", command],
            cwd=stack.project.directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=COMMAND_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ReleaseFailed(
            f"the check `{shown_command(command)}` took over {COMMAND_TIMEOUT} s", "mend the release, then deploy again"
        ) from error
    if done.returncode:
        printed = shown(done.stdout, beside=[command, {"token": token}])
        last = next((line for line in reversed(printed.splitlines()) if line.strip()), "it printed nothing")
        raise ReleaseFailed(
            f"the check `{shown_command(command)}` ended with {done.returncode}: {last.strip()[:300]}",
            "mend the release, then deploy again",
            printed,
        )
