"""`docker videa`: videa as a plugin of the docker command, and the link that makes it one.

docker starts `docker-videa` from its plugin folder: with METADATA to list the plugin, and for `docker OPTIONS videa
ARGUMENTS` with all of these words (https://github.com/docker/cli/tree/master/cli-plugins).
"""

from __future__ import annotations

import json
import shutil
import sys
import sysconfig
from collections.abc import Mapping, MutableMapping
from pathlib import Path

from ops.errors import PlanRefused, UsageError
from videa_cli.start import PLUGIN

PROGRAM = "docker videa"
METADATA = "docker-cli-plugin-metadata"

_VARIABLES = {
    **dict.fromkeys(("--context", "-c"), "DOCKER_CONTEXT"),
    **dict.fromkeys(("--host", "-H"), "DOCKER_HOST"),
    "--config": "DOCKER_CONFIG",
    **dict.fromkeys(("--log-level", "-l"), ""),
}
"""Global option of docker with a value -> the equivalent variable; "" if videa does not need it."""

_SWITCHES = {"--tlsverify": "DOCKER_TLS_VERIFY", "--debug": "", "-D": ""}
"""The same for docker's options without a value."""


def metadata() -> str:
    """The JSON answer to METADATA."""
    from importlib.metadata import metadata as installed

    package = installed("videa")
    return json.dumps(
        {
            "SchemaVersion": "0.1.0",
            "Vendor": "videa",
            "Version": package["Version"],
            "ShortDescription": "Scale and deploy a Compose service without losing a request",
        }
    )


def own_arguments(arguments: list[str], environment: MutableMapping[str, str]) -> list[str]:
    """videa's arguments among those of docker. Sets docker's global options in ``environment``. Raises UsageError."""
    rest = list(arguments)
    while rest and rest[0].startswith("-"):
        option, sign, value = rest.pop(0).partition("=")
        if option in _SWITCHES:
            value = "1"
        elif option not in _VARIABLES:
            raise UsageError(
                f"videa does not know docker's option {option}",
                "use a Docker context, or DOCKER_HOST and its variables",
            )
        elif not sign:
            value = rest.pop(0) if rest else ""
        if variable := _VARIABLES.get(option) or _SWITCHES.get(option):
            environment[variable] = value
        if option in ("--context", "-c"):  # docker also prefers it to DOCKER_HOST
            environment.pop("DOCKER_HOST", None)
    if rest[:1] == ["help"]:
        return [*rest[2:], "--help"]
    return rest[1:]


def link(environment: Mapping[str, str]) -> Path:
    """The path at which docker finds a user's plugin."""
    folder = Path(environment["DOCKER_CONFIG"]) if environment.get("DOCKER_CONFIG") else Path.home() / ".docker"
    return folder / "cli-plugins" / PLUGIN


def script() -> Path:
    """The installed `videa` command. Raises PlanRefused."""
    places = (sys.argv[0], f"{sysconfig.get_path('scripts')}/videa", shutil.which("videa") or "")
    for place in map(Path, places):
        if place.name == "videa" and place.is_file():
            return place.absolute()
    raise PlanRefused("the command videa is not installed", "pip install it, then run `videa plugin install`")


def is_link_of_videa(path: Path) -> bool:
    """Whether `videa plugin install` created the link, also if that installation no longer exists."""
    return path.is_symlink() and path.readlink().name == "videa"
