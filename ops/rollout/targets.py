"""The target of a deploy: its image, its release, and the variables of the Compose file that select them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ops.errors import ConfigError, ImageUnavailable, PlanRefused, UsageError
from ops.events import Emit, announced
from ops.fleet import Fleet
from ops.image_ref import ImageRef
from ops.models import Replica
from ops.project.config import Project
from ops.project.image_template import names_in, render
from ops.project.shell import ShellValues, shell_values
from ops.project.startup import one_shots_of
from ops.project.values import env_file_values
from ops.releases import release_id
from ops.stack import Stack
from ops.steps import Target

BUILD_TAG = "build"


def current_target(stack: Stack) -> Target:
    """The target that a plain ``docker compose up`` would start now. Raises EngineError, ImageUnavailable."""
    return _target(stack, stack.project.image, {})


def running_target(stack: Stack, fleet: Fleet, growing: bool) -> Target:
    """The running release, for additional replicas by ``scale``; if none is running, what Compose would start now.

    Values that this release has only from the operator's shell are recorded with it. Raises PlanRefused if ``growing``
    and the Compose file has changed since then: new replicas would be different.
    """
    project = stack.project
    ready = fleet.ready or fleet.alive
    if growing and not ready:
        return current_target(stack)
    given = from_shell(project).to_remember if ready else {}
    differs = (growing or bool(given)) and drifted(stack, [member.replica for member in ready])
    if growing and differs:
        raise PlanRefused(
            "the Compose file or its image has changed since this release was deployed, so new replicas would differ "
            "from the running ones",
            "deploy the change first: videa deploy",
        )
    release = serving_release(fleet)
    images = (member.replica.image for member in fleet.alive if member.replica.release == release)
    image = next(images, project.image)
    return Target(release, project.image if growing else image, {} if differs else given)


def serving_release(fleet: Fleet) -> str:
    """The serving release: the one with the most ready and listed replicas; empty if none is running.

    An incomplete rollback may have left replicas of another release, with higher numbers. If counts are equal, the
    release of the older replicas is used.
    """
    serving = [member for member in fleet.ready if member.listed] or fleet.ready or fleet.alive
    releases = [member.replica.release for member in serving]
    return max(releases, key=releases.count, default="")


def drifted(stack: Stack, running: Iterable[Replica]) -> bool:
    """Whether a replica that Compose starts now would differ from all running ones. Raises EngineError."""
    project = stack.project
    wanted = stack.platform.images.digest(project.image), project.compose.config_hash(project.settings.service, {})
    return wanted not in {(replica.image_id, replica.config_hash) for replica in running}


def image_target(stack: Stack, reference: str) -> Target:
    """The target with the image ``reference``, pulled if it is missing. Raises ConfigError, ImageUnavailable."""
    project = stack.project
    service, template = project.settings.service, project.image_template
    variables = project.image_variables(reference)
    if variables is None and not names_in(template):
        raise ConfigError(
            f"services.{service}.image is a literal value, so videa cannot record {reference}",
            f"write it as ${{{service.upper()}_IMAGE:-{project.image}}}, or change it and run `videa deploy`",
        )
    if variables is None:
        raise ConfigError(
            f"services.{service}.image is {template}, and no values of its variables name {reference}",
            f"name another tag of it, or write it as ${{{service.upper()}_IMAGE:-{project.image}}}",
        )
    return _target(stack, reference, variables)


def sharing_target(stack: Stack, variables: Mapping[str, str]) -> Target:
    """The target of a service whose image has some of these variables. Raises ConfigError, ImageUnavailable."""
    project = stack.project
    values = {**env_file_values(project), **project.environment, **variables}
    return _target(stack, render(project.image_template, values), variables)


def built_target(stack: Stack, emit: Emit) -> Target:
    """The target with the service's image, built now and tagged by its content. Raises UsageError, EngineError."""
    project = stack.project
    service = project.settings.service
    if "build" not in project.service:
        raise UsageError(f"services.{service} has no build section", "deploy an image: videa deploy --image REF")
    repository = ImageRef.parse(project.image).repository
    building = _build_variables(project, f"{repository}:{BUILD_TAG}")
    if building is None:
        with announced(f"build {project.image}", emit):
            project.compose.run("build", service)
        return current_target(stack)
    with announced(f"build {repository}", emit):
        project.compose.run("build", service, overrides=building)
    digest = stack.platform.images.digest(f"{repository}:{BUILD_TAG}")
    reference = f"{repository}:{digest.removeprefix('sha256:')[:12]}"
    stack.platform.images.tag(digest, reference)
    return _target(stack, reference, _build_variables(project, reference) or {})


def _build_variables(project: Project, reference: str) -> dict[str, str] | None:
    """The variables that name a built image; None if there are none, or if other images use them, too."""
    variables = project.image_variables(reference)
    if variables and project.pins.image is None and any(map(project.readers, variables)):
        return None
    return variables


def images_to_pull(stacks: Iterable[Stack], always: bool, image: str | None) -> list[str]:
    """The images of services whose ``pull_policy`` is always, and of their one-shot services.

    ``always``: the images of all services, except those that are built here or never pulled; ``image``: the image given
    on the command line.
    """
    wanted: list[str] = []
    for stack in stacks:
        project = stack.project
        services, own = project.model["services"], project.settings.service
        for name in (own, *one_shots_of(services, own)):
            policy = services[name].get("pull_policy")
            if policy == "always" or (always and policy not in ("never", "build") and "build" not in services[name]):
                wanted.append(image if image is not None and name == own else project.image_of(name))
    return list(dict.fromkeys(wanted))


def pull_images(stack: Stack, images: Iterable[str], emit: Emit) -> None:
    """Pulls images, even if they are present: the tag may now refer to another image. Raises ImageUnavailable."""
    for reference in images:
        with announced(f"pull {reference}", emit):
            stack.platform.images.pull(reference)


def return_tag(stack: Stack, pulled: bool = False) -> None:
    """Moves the tag of a built or ``pulled`` image back to the image of the running replicas, after a rollback.

    Otherwise a plain ``docker compose up -d`` would start the other image. If a variable names the image, `.env`
    selects the image and the tag does not matter. Raises EngineError.
    """
    project = stack.project
    repository = ImageRef.parse(project.image).repository
    built = "build" in project.service and _build_variables(project, f"{repository}:{BUILD_TAG}") is None
    if not (built or pulled):
        return
    image = image_to_return(project.image, stack.replicas())
    images = stack.platform.images
    if image and not (images.present(project.image) and images.digest(project.image) == image):
        images.tag(image, project.image)


def image_to_return(reference: str, replicas: Iterable[Replica]) -> str | None:
    """The id of the image of all running replicas, if they have the same one, started as ``reference``; else None."""
    running = [replica for replica in replicas if replica.running]
    images = {replica.image_id for replica in running}
    named = all(ImageRef.parse(replica.image) == ImageRef.parse(reference) for replica in running)
    return images.pop() if len(images) == 1 and named else None


def variables_of(project: Project, target: Target, replicas: int) -> dict[str, str]:
    """The variables with which a plain ``docker compose up -d`` keeps ``replicas`` replicas of ``target``."""
    variables = dict(target.overrides)
    if project.pins.replicas:
        variables[project.pins.replicas] = str(replicas)
    return variables


def from_shell(project: Project) -> ShellValues:
    """The release's variables that are set only in the operator's shell. Raises ConfigError."""
    names = project.release_variables - {project.pins.replicas, project.pins.release}
    return shell_values(names, project.environment, env_file_values(project))


def _target(stack: Stack, reference: str, overrides: Mapping[str, str]) -> Target:
    project = stack.project
    if project.service.get("pull_policy") == "never" and not stack.platform.images.present(reference):
        raise ImageUnavailable(
            f"there is no image {reference}, and services.{project.settings.service}.pull_policy is never",
            "load it: docker load; or change pull_policy",
        )
    stack.platform.images.ensure(reference)
    overrides = {**from_shell(project).to_remember, **overrides}
    release_variable = project.pins.release
    unnamed = {**overrides, **({release_variable: ""} if release_variable else {})}
    config_hash = project.compose.config_hash(project.settings.service, unnamed)
    release = release_id(stack.platform.images.digest(reference), config_hash)
    named = {**overrides, **({release_variable: release} if release_variable else {})}
    return Target(release=release, image=reference, overrides=named)
