"""Shows what `videa init` has found and what it would write."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.markup import escape

from ops.adopt.detect import Role
from ops.adopt.notes import Note, Weight
from ops.adopt.plan import as_written
from ops.adopt.propose import env_after
from ops.project.folder import OVERLAY
from videa_cli.console import console

if TYPE_CHECKING:
    from ops.adopt.detect import Found
    from ops.adopt.propose import Proposal
    from ops.adopt.routes import Route
    from ops.project.plain import Plain

MOVES = (
    "`videa up` moves the published port from the running container to nginx; clients that keep a connection to that "
    "container open have to connect again"
)
MOVES_BACK = "the published port goes back to the service"


def show(plain: Plain, proposal: Proposal) -> None:
    """Prints the services, the notes and both changes."""
    out, adoption = console(), proposal.adoption
    out.print(f"{escape(plain.project.name)} ({escape(', '.join(plain.files))}):")
    width = max(len(found.service) for found in adoption.found)
    for found in adoption.found:
        out.print(f"  {escape(found.service.ljust(width))}  {escape(_what(found, proposal))}")
    for note in adoption.notes:
        sign = "[green]✓[/]" if note.weight is Weight.SOLVED else "[yellow]![/]"
        out.print(f"{sign} {escape(_place(note, proposal))}{escape(note.what)}")
        if note.change:
            out.print(f"    change: {escape(note.change.replace(str(plain.folder), '.'))}")
    if adoption.moves and proposal.hands_over:
        out.print(f"[yellow]![/] {MOVES}")
    if not proposal.differs(plain):
        out.print(f"nothing to do: {OVERLAY} and {plain.env_file.name} are up to date")
        return
    _diff(OVERLAY, proposal.before, proposal.after)
    _diff(plain.env_file.name, *env_after(plain, proposal.variables))


def next_steps(proposal: Proposal) -> str:
    """The commands to type next."""
    if proposal.before and f"image: {proposal.adoption.image}\n" not in proposal.before:
        return f"videa up --recreate {proposal.adoption.balancer}"
    routes = "the change of the proxy's lines" if proposal.adoption.routes else ""
    # A replica that keeps running does not have the overlay's additions to the service.
    old = proposal.running and (proposal.adoption.others or not proposal.adoption.moves)
    deploy = "videa deploy" if old else ""
    return ", then ".join(filter(None, ("videa up", routes, deploy)))


def show_removal(plain: Plain, variables: Mapping[str, str | None], gap: str | None, lines: Sequence[Route]) -> None:
    """Prints what would be removed. ``lines``: the lines in the user's own proxy configuration that name the balancer.

    ``gap``: why connections are refused while the port moves, "" if none will be, None if no port moves.
    """
    console().print(f"removes {OVERLAY}, the balancer and its volumes")
    _diff(plain.env_file.name, *env_after(plain, variables))
    for route in lines:
        console().print(f"[yellow]![/] {escape(f'{route.place} names the balancer: {route.line}')}")
        console().print("    change it back first, and reload the proxy")
    if gap is not None:
        refused = f": connections are refused until the service has started again, because {gap}" if gap else ""
        console().print(f"[yellow]![/] {MOVES_BACK}{escape(refused)}")


def as_dict(plain: Plain, proposal: Proposal, dry_run: bool) -> str:
    """The proposal for scripts, as JSON."""
    adoption = proposal.adoption
    return json.dumps(
        {
            "service": adoption.service,
            "port": adoption.port,
            "health": dict(adoption.health),
            "balancer": adoption.balancer,
            "route": as_written(adoption.requests),
            "others": [
                {
                    "service": each.service,
                    "port": each.port,
                    "health": dict(each.health),
                    "route": as_written(each.requests),
                }
                for each in adoption.others
            ],
            "workers": list(adoption.workers),
            "services": [
                {"service": found.service, "role": found.role.value, "ports": found.ports, "reason": found.reason}
                for found in adoption.found
            ],
            "notes": [
                {
                    "weight": note.weight.value,
                    "place": proposal.places.get(note, ""),
                    "key": ".".join(note.key),
                    "what": note.what,
                    "change": note.change,
                }
                for note in adoption.notes
            ],
            "overlay": {"file": str(plain.overlay), "text": proposal.after},
            "variables": dict(proposal.variables),
            "changed": proposal.differs(plain) and not dry_run,
            "dry_run": dry_run,
        }
    )


def _what(found: Found, proposal: Proposal) -> str:
    adoption = proposal.adoption
    served = {each.service: each for each in adoption.others}
    if found.service in served:
        other = served[found.service]
        health = f"health path {other.health['ready']}" if other.health.get("ready") else "no health path known"
        return f"http on port {other.port}: {found.reason}; {health}; gets {other.requests}, and replicas"
    if found.service != adoption.service:
        after = "can be scaled" if found.service in adoption.workers else "left alone"
        if found.role is Role.HTTP:
            after += f" (to give it replicas, too: --service {adoption.service} --service {found.service})"
        return f"{found.role.value}: {found.reason}; {after}{f': {found.alone}' if found.alone else ''}"
    answered = proposal.answered.get(adoption.port)
    ready = adoption.health.get("ready")
    if ready and answered:
        health = f"answers {ready}"
    elif ready:
        health = f"health path {ready}"
    else:
        health = "no health path known"
    gets = f"gets {adoption.requests}, and replicas" if adoption.others else "gets replicas"
    return f"http on port {adoption.port}: {found.reason}; {health}; {gets}"


def _place(note: Note, proposal: Proposal) -> str:
    place = proposal.places.get(note)
    key = ".".join(note.key)
    return f"{place} {key}: " if place else f"{key}: " if key else ""


def _diff(name: str, before: str, after: str) -> None:
    """Only changed lines, because the other lines of .env may contain secrets."""
    out = console()
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), name, name, lineterm="", n=0)
    for line in lines:
        if not line.startswith(("@@", "---")):
            colour = "green" if line.startswith("+") else "red"
            out.print(f"[{colour}]{escape(line)}[/]")
