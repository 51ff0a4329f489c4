"""Images of earlier releases, kept by a tag of their own for a rollback, and given up when there are newer ones."""

from __future__ import annotations

import time
from collections.abc import Iterable

from msgspec.structs import replace

from ops import declared
from ops.errors import ConfigError, PlanRefused, UsageError
from ops.image_ref import ImageRef, component
from ops.project.config import Project, env_file_values
from ops.releases import release_id
from ops.rollout.history import DONE, Entry, append, read, releases
from ops.rollout.operator import whoami
from ops.stack import Stack
from ops.steps import Target

RETAINED = "videa-kept"


def kept_reference(project: Project, release: str) -> str:
    """The tag that keeps a release's image: "videa-kept/PROJECT-SERVICE:RELEASE"."""
    return str(ImageRef(f"{RETAINED}/{component(f'{project.name}-{project.settings.service}')}", release))


def found(stack: Stack, command: str, release: str, image: str, digest: str, replicas: int) -> None:
    """Writes down a release that runs and that no deploy of videa brought, so that there is a way back to it.

    Raises EngineError, ConfigError.
    """
    directory = stack.project.directory
    entries = read(directory)
    if release in {entry.release for entry in releases(entries)} or not stack.platform.images.present(digest):
        return
    entry = Entry(
        time=time.time(),
        who=whoami(),
        command=command,
        action="found",
        result=DONE,
        release=release,
        image=image,
        image_id=digest,
        replicas=replicas,
        seconds=0.0,
        variables=variables_now(stack.project),
    )
    append(directory, entry)
    keep(stack, entry.image_id, release, entries)


def keep(stack: Stack, image: str, release: str, entries: Iterable[Entry]) -> None:
    """Keeps the image of the release that runs now, and gives up those beyond ``keep_releases``. Raises EngineError.

    What is recorded of a release goes with its image, unless replicas of it are left.
    """
    project = stack.project
    stack.platform.images.tag(image, kept_reference(project, release))
    older = [entry.release for entry in releases(entries) if entry.release != release]
    retained = older[: project.settings.keep_releases - 1]
    for each in older[len(retained) :]:
        stack.platform.images.untag(kept_reference(project, each))
    running = [replica.release for replica in stack.replicas()]
    declared.forget(stack.store, project.name, project.settings.service, {release, *retained, *running})


def variables_now(project: Project) -> dict[str, str]:
    """What `.env` says by now of the variables that belong to the release. Raises ConfigError."""
    own = project.own_variables - {project.pins.replicas}
    return {name: value for name, value in env_file_values(project).items() if name in own}


def choose(entries: Iterable[Entry], running: Iterable[str], wanted: str | None) -> Entry:
    """The release to go back to: the one whose name begins with ``wanted``, else the last that is not running.

    Raises UsageError, PlanRefused.
    """
    entries = list(entries)
    found = [_under_its_own_name(entry, entries) for entry in releases(entries)]
    if wanted is None:
        earlier = [entry for entry in found if entry.release not in set(running)]
        if not earlier:
            raise PlanRefused("there is no earlier release to go back to", "see `videa history`")
        return earlier[0]
    matching = [entry for entry in found if entry.release.startswith(wanted)]
    if len(matching) != 1:
        problem = f"{len(matching)} releases begin" if matching else "no release begins"
        raise UsageError(f"{problem} with {wanted!r}", f"there are: {', '.join(each.release for each in found) or '-'}")
    return matching[0]


def _under_its_own_name(entry: Entry, entries: Iterable[Entry]) -> Entry:
    """The entry with the image's name of when the release was new, from which its configuration was hashed.

    After a rollback on a tag that moves on, the release runs under the name by which its image is kept.
    """
    if ImageRef.parse(entry.image).repository.partition("/")[0] != RETAINED:
        return entry
    named = [each for each in entries if each.release == entry.release and each.deployed]
    return replace(entry, image=named[0].image)


def rollback_target(stack: Stack, entry: Entry) -> Target:
    """A release of before, with its image and its environment.

    Raises ConfigError when the image is no variable of the Compose file, PlanRefused when the image was not kept or the
    Compose file has changed since, so that it could not be the same release.
    """
    project = stack.project
    variable = project.pins.image
    if variable is None:
        raise ConfigError(
            f"services.{project.settings.service}.image is written out, so videa cannot go back to {entry.image}",
            "change it there and run `videa deploy`, or write a variable there",
        )
    now = variables_now(project)
    # What was not set then is empty: `${NAME:-default}` takes its default for that too.
    then = {**dict.fromkeys(now, ""), **entry.variables}
    unnamed = {project.pins.release: ""} if project.pins.release else {}
    config_hash = project.compose.config_hash(project.settings.service, {**then, **unnamed, variable: entry.image})
    if release_id(entry.image_id, config_hash) != entry.release:
        raise PlanRefused(
            f"the Compose file has changed since release {entry.release}, so it could not be brought back as it was",
            f"check out the Compose file of then, or run its image with today's: videa deploy --image {entry.image}",
        )
    image, release = entry.image, entry.release
    if not stack.platform.images.present(image) or stack.platform.images.digest(image) != entry.image_id:
        image = kept_reference(project, entry.release)
        if not stack.platform.images.present(image):
            raise PlanRefused(
                f"the image of release {entry.release} is not on the engine any more",
                f"pull or build {entry.image} again, or keep more of them: x-videa.keep_releases",
            )
        if project.pins.release is None:
            # No label says which release it is, so it is what Compose makes of this name.
            config_hash = project.compose.config_hash(project.settings.service, {**then, variable: image})
            release = release_id(entry.image_id, config_hash)
    changed = {name: value for name, value in then.items() if now.get(name, "") != value}
    overrides = {**changed, variable: image}
    if project.pins.release:
        overrides[project.pins.release] = entry.release
    return Target(release, image, overrides)
