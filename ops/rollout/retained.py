"""Retained releases: a separate tag retains the image of each for a rollback, until there are enough newer releases."""

from __future__ import annotations

import time
from collections.abc import Iterable

from msgspec.structs import replace

from ops import declared
from ops.errors import ConfigError, PlanRefused, UsageError
from ops.image_ref import ImageRef, component
from ops.project.config import Project
from ops.project.image_template import names_in, render
from ops.project.values import env_file_values
from ops.releases import release_id
from ops.rollout.history import DONE, Entry, append, of, releases, secrets_of
from ops.rollout.operator import whoami
from ops.stack import Stack
from ops.steps import Target

RETAINED = "videa-kept"


def retained_reference(project: Project, release: str) -> str:
    """The tag that retains the image of a release: "videa-kept/PROJECT-SERVICE:RELEASE"."""
    return str(ImageRef(f"{RETAINED}/{component(f'{project.name}-{project.settings.service}')}", release))


def record_running(stack: Stack, command: str, release: str, image: str, digest: str, replicas: int) -> None:
    """Records a running release that videa did not deploy, so that a rollback to it is possible.

    Raises EngineError, ConfigError.
    """
    entries = of(stack)
    if release in {entry.release for entry in releases(entries)} or not stack.platform.images.present(digest):
        return
    entry = present_entry(stack, command, "found", release, image, digest, replicas)
    append(stack, entry)
    retain(stack, entry.image_id, release, entries)


def present_entry(
    stack: Stack, command: str, action: str, release: str, image: str, digest: str, replicas: int
) -> Entry:
    """The history entry for a release that runs now and was not started by a deploy just now. Raises ConfigError."""
    return Entry(
        time=time.time(),
        who=whoami(),
        command=command,
        action=action,
        result=DONE,
        release=release,
        image=image,
        image_id=digest,
        replicas=replicas,
        seconds=0.0,
        variables=variables_now(stack.project),
        service=stack.project.settings.service,
    )


def retain(stack: Stack, image: str, release: str, entries: Iterable[Entry]) -> None:
    """Retains the image of the running release, and removes the tags beyond ``keep_releases``. Raises EngineError.

    The declarations of a release are removed with its image, unless some of its replicas remain.
    """
    project = stack.project
    stack.platform.images.tag(image, retained_reference(project, release))
    older = [entry.release for entry in releases(entries) if entry.release != release]
    retained = older[: project.settings.keep_releases - 1]
    for dropped in older[len(retained) :]:
        stack.platform.images.untag(retained_reference(project, dropped))
    running = [replica.release for replica in stack.replicas()]
    declared.forget(stack.store, project.name, project.settings.service, {release, *retained, *running})


def variables_now(project: Project) -> dict[str, str]:
    """The present values in `.env` of the variables that belong to the release. Raises ConfigError."""
    own = project.own_variables - {project.pins.replicas}
    return {name: value for name, value in env_file_values(project).items() if name in own}


def choose(entries: Iterable[Entry], running: Iterable[str], wanted: str | None) -> Entry:
    """The release to roll back to: the one whose id begins with ``wanted``, otherwise the latest that is not running.

    Raises UsageError, PlanRefused.
    """
    entries = list(entries)
    candidates = [_with_original_image(entry, entries) for entry in releases(entries)]
    if wanted is None:
        earlier = [entry for entry in candidates if entry.release not in set(running)]
        if not earlier:
            raise PlanRefused("there is no earlier release to roll back to", "see `videa history`")
        return earlier[0]
    matching = [entry for entry in candidates if entry.release.startswith(wanted)]
    if len(matching) != 1:
        problem = f"{len(matching)} releases begin" if matching else "no release begins"
        known = ", ".join(entry.release for entry in candidates) or "-"
        raise UsageError(f"{problem} with {wanted!r}", f"known releases: {known}")
    return matching[0]


def _with_original_image(entry: Entry, entries: Iterable[Entry]) -> Entry:
    """The entry with the image name of the first deploy of the release: the config hash was calculated with it.

    After a rollback, a release with a mutable tag runs under the retained reference of its image.
    """
    if ImageRef.parse(entry.image).repository.partition("/")[0] != RETAINED:
        return entry
    deploys = [other for other in entries if other.release == entry.release and other.deployed]
    return replace(entry, image=deploys[0].image)


def rollback_target(stack: Stack, entry: Entry) -> Target:
    """An earlier release, with its image and its variables.

    Secret variables whose values were not recorded in this folder keep their present values. Raises ConfigError if the
    Compose file has no variable for the image, PlanRefused if the image was not retained or if the Compose file or such
    a value has changed since, so that the result would be a different release.
    """
    project = stack.project
    naming = project.image_variables(entry.image)
    if naming is None:
        raise ConfigError(
            f"services.{project.settings.service}.image is {project.image_template or project.image}, so videa cannot "
            f"record {entry.image}",
            "change it and run `videa deploy`, or use a variable for it",
        )
    now = variables_now(project)
    # A variable that was unset then is set to empty: `${NAME:-default}` uses its default for that, too.
    secrets = secrets_of(project, entry)
    unknown = entry.secrets if not secrets else ()
    kept = {name: now[name] for name in unknown if name in now}
    then = {**dict.fromkeys(now, ""), **kept, **entry.variables, **secrets}
    unnamed = {project.pins.release: ""} if project.pins.release else {}
    config_hash = project.compose.config_hash(project.settings.service, {**then, **unnamed, **naming})
    if release_id(entry.image_id, config_hash) != entry.release:
        changed = " or ".join(("the Compose file", *([f"the value of {', '.join(unknown)}"] if unknown else [])))
        hint = f"set {', '.join(unknown)} in .env as it was, or roll back where it was deployed; " if unknown else ""
        raise PlanRefused(
            f"{changed} has changed since release {entry.release}, so it cannot be restored as it was",
            f"{hint}check out its Compose file, or deploy its image with the present one:"
            f" videa deploy --image {entry.image}",
        )
    image, release = entry.image, entry.release
    if not stack.platform.images.present(image) or stack.platform.images.digest(image) != entry.image_id:
        image = retained_reference(project, entry.release)
        if not stack.platform.images.present(image):
            raise PlanRefused(
                f"the image of release {entry.release} is no longer on the engine",
                f"pull or build {entry.image} again; x-videa.keep_releases sets how many are retained",
            )
        naming = project.image_variables(image)
        if naming is None:
            raise PlanRefused(
                f"{entry.image} is another image now, and services.{project.settings.service}.image is "
                f"{project.image_template}, which cannot name the retained one",
                f"let the tag name it again: docker tag {image} {entry.image}; then videa rollback {entry.release}",
            )
        if project.pins.release is None:
            # Without a variable for the release, its id depends on the image name that Compose gets.
            config_hash = project.compose.config_hash(project.settings.service, {**then, **naming})
            release = release_id(entry.image_id, config_hash)
    different = {name: value for name, value in then.items() if now.get(name, "") != value}
    overrides = {**different, **naming}
    if project.pins.release:
        overrides[project.pins.release] = entry.release
    return Target(release, image, overrides, earlier=True)


def shared_targets(stack: Stack, target: Target) -> dict[str, Target]:
    """The target releases of the other services whose image has the same variables: they must roll back together.

    Service -> target. Raises PlanRefused if one has no release with these values, and like ``rollback_target``.
    """
    project = stack.project
    now = {**env_file_values(project), **project.environment}
    changed = names_in(project.image_template) & target.overrides.keys()
    found: dict[str, Target] = {}
    for name in project.services:
        template = project.image_template_of(name)
        shared = sorted(names_in(template) & changed)
        if name == project.settings.service or not shared:
            continue
        image = render(template, {**now, **target.overrides})
        chosen = stack.of(name)
        entries = [entry for entry in releases(of(chosen)) if entry.image == image]
        if not entries:
            raise PlanRefused(
                f"{name} has its image from {', '.join(shared)}, too, and no release with {image}, so both cannot roll "
                "back together",
                f"deploy the image for both: videa deploy {project.settings.service} --image {target.image}",
            )
        found[name] = rollback_target(chosen, entries[0])
        if any(found[name].overrides.get(key, target.overrides[key]) != target.overrides[key] for key in shared):
            raise PlanRefused(
                f"{name} has its image from {', '.join(shared)}, too, and needs another value of it to roll back",
                "give each of them a variable of its own",
            )
    return found
