"""videa plugin install, videa plugin remove"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from ops.errors import PlanRefused
from videa_cli.context import group

if TYPE_CHECKING:
    from pathlib import Path

DryRun: TypeAlias = Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")]


def install(dry_run: DryRun = False) -> None:
    """Make `docker videa` work: link videa into the folder of your Docker CLI plugins.

    The link is ~/.docker/cli-plugins/docker-videa, or in the folder of DOCKER_CONFIG, and points to the installed
    command: an upgrade of videa needs no new link. docker's own options work, such as `docker --context NAME videa
    status`. For all users of a machine, make the same link in /usr/local/lib/docker/cli-plugins.

    \b
    Examples:
      videa plugin install
      docker videa scale 3
      videa plugin install --dry-run
    """
    from videa_cli.docker_plugin import is_link_of_videa, link, script

    path, target = link(os.environ), script()
    if is_link_of_videa(path) and path.readlink() == target:
        typer.echo(f"nothing to do: {path} is a link to {target}")
        return
    _check_ours(path)
    if dry_run:
        typer.echo(f"would link {path} to {target}; nothing was changed")
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.symlink_to(target)
    except OSError as error:
        raise _cannot("write", path, error) from error
    typer.echo(f"linked {path} to {target}; try it: docker videa --help")


def remove(dry_run: DryRun = False) -> None:
    """Remove the link that `videa plugin install` has made.

    \b
    Examples:
      videa plugin remove
      videa plugin remove --dry-run
    """
    from videa_cli.docker_plugin import link

    path = link(os.environ)
    if not path.is_symlink() and not path.exists():
        typer.echo(f"nothing to do: there is no {path}")
        return
    _check_ours(path)
    if dry_run:
        typer.echo(f"would remove {path}; nothing was changed")
        return
    try:
        path.unlink()
    except OSError as error:
        raise _cannot("remove", path, error) from error
    typer.echo(f"removed {path}")


def _check_ours(path: Path) -> None:
    from videa_cli.docker_plugin import is_link_of_videa

    if not is_link_of_videa(path) and (path.exists() or path.is_symlink()):
        raise PlanRefused(f"{path} is not a link to videa", "remove it yourself, if it is not needed")


def _cannot(verb: str, path: Path, error: OSError) -> PlanRefused:
    return PlanRefused(f"cannot {verb} {path}: {error.strerror}", "check who owns the folder, and its mode")


commands = group("Make videa a plugin of Docker: `docker videa scale 3`.")
commands.command("install")(install)
commands.command("remove")(remove)
