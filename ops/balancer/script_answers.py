"""Parses the output of the scripts in nginx's container: the state that LOOK reads, and why a change failed."""

from __future__ import annotations

import re

from ops.balancer import scripts
from ops.balancer.scope import ANY
from ops.errors import BalancerError, ConfigRefused
from ops.models import ExecResult
from ops.traffic import Look, OwnFiles

OLDEST_NGINX = (1, 28)
"""Older versions have no keepalive_min_timeout, so their reloads cut requests."""

_VERSION = re.compile(r"nginx/(\d+)\.(\d+)\S*")
_OLD_WORKERS = re.compile(r"^videa-old-workers(.*)$", re.MULTILINE)
_LEFT = re.compile(r"^videa-left(.*)$", re.MULTILINE)


def read_look(answer: ExecResult) -> Look:
    """The state that LOOK has read. Raises BalancerError if nginx is too old or has no upstreams.conf."""
    head, _, rest = answer.output.partition("\n")
    generation, _, text = rest.partition("\n")
    if text.startswith(scripts.OWN):
        text = text.partition("\n")[2]
    version = _VERSION.search(head)
    if version is None or (int(version[1]), int(version[2])) < OLDEST_NGINX:
        present = version[0] if version else "no nginx"
        oldest = ".".join(map(str, OLDEST_NGINX))
        raise BalancerError(
            f"the balancer's container has {present}, but nginx {oldest} or newer is required",
            f"build its image from nginx {oldest} or newer: older versions cut requests when they reload",
            answer.output,
        )
    if not answer.ok:
        raise not_ours(answer)
    serving = int(generation) if generation.isdecimal() else None
    return Look(version[0].removeprefix("nginx/"), serving, text, own_files(rest))


def own_files(output: str) -> OwnFiles:
    """What a script reports about the user's own files; older images do not report it."""
    line = next((each for each in output.splitlines() if each.startswith(scripts.OWN)), "")
    changed, *refused = line.removeprefix(scripts.OWN).split("\t")
    return OwnFiles(tuple(filter(None, refused)), changed == "yes")


def old_workers(output: str) -> tuple[str, ...]:
    """The workers that APPLY has replaced."""
    return _workers(_OLD_WORKERS, output)


def remaining_workers(output: str) -> tuple[str, ...]:
    """The workers that DRAIN waited for and that are still running."""
    return _workers(_LEFT, output)


def _workers(line: re.Pattern[str], output: str) -> tuple[str, ...]:
    match = line.search(output)
    return tuple(match[1].split()) if match else ()


def failure(answer: ExecResult) -> BalancerError:
    """The error of a failed APPLY: why it changed nothing, or what it restored."""
    output = answer.output.strip()
    last = output.splitlines()[-1] if output else "no output"
    if answer.code == scripts.REFUSED:
        reason = next((line for line in output.splitlines() if "[emerg]" in line), last)
        hint = "the active configuration is unchanged; --verbose shows nginx's output"
        if f'in upstream "{ANY}"' in reason:  # the image refers to this group, which exists only with a single service
            hint = "for several services, nginx's container needs the image of this videa: videa init"
        return ConfigRefused(
            f"nginx refuses the new configuration: {reason}",
            f"the active configuration is unchanged; {hint}",
            output,
        )
    if answer.code == scripts.WRITE_FAILED:
        return BalancerError(
            f"the new configuration could not be written: {last}",
            f"the active configuration is unchanged; free space on the volume at {scripts.VOLUME}",
            output,
        )
    if answer.code == scripts.NOT_CONFIRMED:
        return BalancerError(
            f"nginx did not activate the new configuration: {last}",
            "the previous configuration was restored; see nginx's log: docker compose logs nginx",
            output,
        )
    return not_ours(answer)


def not_ours(answer: ExecResult) -> BalancerError:
    """The error for a container that does not run videa's image."""
    return BalancerError(
        f"nginx's container has no {scripts.FILE}",
        f"use the image that `videa init` writes into the Compose file, with a volume at {scripts.VOLUME}",
        answer.output,
    )
