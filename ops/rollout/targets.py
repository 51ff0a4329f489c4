"""The target of a deploy: its image, its release, and the variables of the Compose file that select them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ops.errors import ConfigError, PlanRefused, UsageError
from ops.events import Emit, announced
from ops.fleet import Fleet
from ops.image_ref import ImageRef
from ops.models import Replica
from ops.project.config import Project, env_file_values
from ops.project.shell import ShellValues, shell_values
from ops.releases import release_id
from ops.stack import Stack
from ops.steps import Target

BUILD_TAG = "build"


def current_target(stack: Stack) -> Target:
    """The target that a plain ``docker compose up`` would start now. Raises EngineError, ImageUnavailable."""
    return _target(stack, stack.project.image, {})


def running_target(stack: Stack, fleet: Fleet, growing: bool) -> Target:
    """The running release, for additional replicas by ``scale``; if none is running, what Compose would start now.

    Raises PlanRefused if ``growing`` and the Compose file has changed since then: new replicas would be different.
    """
    project = stack.project
    ready = fleet.ready or fleet.alive
    if growing and not ready:
        return current_target(stack)
    if growing and ready and drifted(stack, [member.replica for member in ready]):
        raise PlanRefused(
            "the Compose file or its image has changed since this release was deployed, so new replicas would differ "
            "from the running ones",
            "deploy the change first: videa deploy",
        )
    release = serving_release(fleet)
    images = (member.replica.image for member in fleet.alive if member.replica.release == release)
    image = next(images, project.image)
    return Target(release=release, image=project.image if growing else image)


def serving_release(fleet: Fleet) -> str:
    """The serving release: that of most replicas that are ready and listed; empty if none is running.

    An incomplete rollback may have left replicas of another release, with higher numbers. With equal counts, it is the
    release of the older replicas.
    """
    serving = [member for member in fleet.ready if member.listed] or fleet.ready or fleet.alive
    releases = [member.replica.release for member in serving]
    return max(releases, key=releases.count, default="")


def drifted(stack: Stack, running: Iterable[Replica]) -> bool:
    """Whether a replica started now by Compose would differ from all running ones. Raises EngineError."""
    project = stack.project
    wanted = stack.platform.images.digest(project.image), project.compose.config_hash(project.settings.service, {})
    return wanted not in {(replica.image_id, replica.config_hash) for replica in running}


def image_target(stack: Stack, reference: str) -> Target:
    """The target with the image ``reference``, pulled if it is missing. Raises ConfigError, ImageUnavailable."""
    variable = stack.project.pins.image
    if variable is None:
        service = stack.project.settings.service
        raise ConfigError(
            f"services.{service}.image is a literal value, so videa cannot record {reference}",
            f"write it as ${{{service.upper()}_IMAGE:-{stack.project.image}}}, or change it and run `videa deploy`",
        )
    return _target(stack, reference, {variable: reference})


def built_target(stack: Stack, emit: Emit) -> Target:
    """The target with the service's image, built now and tagged by its content. Raises UsageError, EngineError."""
    project = stack.project
    service = project.settings.service
    if "build" not in project.service:
        raise UsageError(f"services.{service} has no build section", "deploy an image: videa deploy --image REF")
    variable = project.pins.image
    if variable is None:
        with announced(f"build {project.image}", emit):
            project.compose.run("build", service)
        return current_target(stack)
    repository = ImageRef.parse(project.image).repository
    with announced(f"build {repository}", emit):
        project.compose.run("build", service, overrides={variable: f"{repository}:{BUILD_TAG}"})
    digest = stack.platform.images.digest(f"{repository}:{BUILD_TAG}")
    reference = f"{repository}:{digest.removeprefix('sha256:')[:12]}"
    stack.platform.images.tag(digest, reference)
    return _target(stack, reference, {variable: reference})


def return_tag(stack: Stack) -> None:
    """Moves the tag of a built image back to the image of the running replicas, after a rollback.

    Otherwise a plain ``docker compose up -d`` would start the other image. If a variable names the image, `.env`
    selects it and the tag does not matter. Raises EngineError.
    """
    project = stack.project
    if "build" not in project.service or project.pins.image is not None:
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
    """The values of the release that come only from the operator's shell. Raises ConfigError."""
    names = project.release_variables - {project.pins.replicas, project.pins.release}
    return shell_values(names, project.environment, env_file_values(project))


def _target(stack: Stack, reference: str, overrides: Mapping[str, str]) -> Target:
    project = stack.project
    stack.platform.images.ensure(reference)
    overrides = {**from_shell(project).to_remember, **overrides}
    release_variable = project.pins.release
    unnamed = {**overrides, **({release_variable: ""} if release_variable else {})}
    config_hash = project.compose.config_hash(project.settings.service, unnamed)
    release = release_id(stack.platform.images.digest(reference), config_hash)
    named = {**overrides, **({release_variable: release} if release_variable else {})}
    return Target(release=release, image=reference, overrides=named)
