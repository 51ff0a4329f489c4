"""The target of a rollback: its release and the name of its image."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from ops.engine.compose import Compose
from ops.errors import PlanRefused
from ops.project.config import Pins, Project
from ops.project.managed import Managed
from ops.project.private import private_file
from ops.project.settings import Settings
from ops.releases import release_id
from ops.rollout.history import DONE, Entry, append, of
from ops.rollout.retained import choose, retained_reference, rollback_target, shared_targets
from ops.stack import Stack
from ops.steps import Target
from tests.unit.ops.fakes.store import FakeStore

DIGESTS = {"one": "sha256:1", "two": "sha256:2"}


class FakeCompose(Compose):
    """A Compose whose config hash is the text of the overrides."""

    def config_hash(self, service: str, overrides: Any) -> str:
        return repr(sorted(overrides.items()))


class Shop:
    """A service with a moving tag, deployed as release one and then two."""

    def __init__(self, named: bool, folder: Path) -> None:
        project = Project("shop", folder, FakeCompose((), None, folder, {}), {}, Settings(service="web"), {}, {})
        project.__dict__["pins"] = Pins(None, "IMAGE", "RELEASE" if named else None)
        project.__dict__["_raw"] = {"services": {"web": {"image": "$IMAGE"}}}
        images = SimpleNamespace(present=lambda name: name in self.images, digest=lambda name: self.images[name])
        platform: Any = SimpleNamespace(images=images)
        self.stack = Stack(project, platform, FakeStore(), lambda: pytest.fail("asked"), lambda _: self.stack)
        self.images = {"app:latest": DIGESTS["two"]}
        self.entries: list[Entry] = []
        self.running = ""
        for digest in DIGESTS.values():
            names = {"IMAGE": "app:latest", **({"RELEASE": ""} if named else {})}
            self.record(release_id(digest, project.compose.config_hash("web", names)), "app:latest", digest, "rolling")

    def record(self, release: str, image: str, digest: str, action: str) -> None:
        self.images[retained_reference(self.stack.project, release)] = digest
        variables = {"IMAGE": image}
        self.entries.append(Entry(0, "me", "", action, DONE, release, image, digest, 1, 0, variables=variables))
        self.running = release
        (self.stack.project.env_file).write_text(f"IMAGE={image}\n")

    def roll_back(self) -> str:
        """Rolls back and returns the digest of the image. Asserts that the release id fits the image name."""
        entry = choose(self.entries, [self.running], None)
        target = rollback_target(self.stack, entry)
        digest = self.images[target.image]
        if "RELEASE" not in target.overrides:
            hashed = self.stack.project.compose.config_hash("web", {"IMAGE": target.image})
            assert target.release == release_id(digest, hashed)
        self.record(target.release, target.image, digest, "rollback")
        return digest


@pytest.mark.parametrize("named", [True, False])
def test_repeated_rollbacks_with_a_moving_tag_alternate_between_two_releases(named: bool, tmp_path: Path) -> None:
    shop = Shop(named, tmp_path)
    assert [shop.roll_back() for _ in range(5)] == [DIGESTS[name] for name in ("one", "two", "one", "two", "one")]


@pytest.mark.parametrize("name", ["shop", "shop_", "a--b", "0_-"])
def test_an_image_is_retained_with_a_name_that_docker_allows(name: str) -> None:
    project = Project(name, Path(), Compose((), None, Path(), {}), {}, Settings(service="Web"), {}, {})
    assert retained_reference(project, "f00").startswith("videa-kept/")
    assert "_-" not in retained_reference(project, "f00")


class Secretive(Shop):
    """The same, with a variable TOKEN that changed between the two releases."""

    def __init__(self, folder: Path) -> None:
        project = Project("shop", folder, FakeCompose((), None, folder, {}), {}, Settings(service="web"), {}, {})
        project.__dict__["pins"] = Pins(None, "IMAGE", None)
        project.__dict__["_raw"] = {"services": {"web": {"image": "$IMAGE", "environment": ["TOKEN=$TOKEN"]}}}
        images = SimpleNamespace(present=lambda name: name in self.images, digest=lambda name: self.images[name])
        platform: Any = SimpleNamespace(images=images)
        self.stack = Stack(project, platform, FakeStore(), lambda: pytest.fail("asked"), lambda _: self.stack)
        self.images = {"app:1": "sha256:1", "app:2": "sha256:2"}
        for number in "12":
            self.set(number)
            image, digest = f"app:{number}", f"sha256:{number}"
            variables = {"IMAGE": image, "TOKEN": f"t{number}"}
            release = release_id(digest, project.compose.config_hash("web", variables))
            append(
                self.stack,
                Entry(
                    float(number), "me", "", "rolling", DONE, release, image, digest, 1, 0, None, variables=variables
                ),
            )
            self.running = release

    def set(self, number: str) -> None:
        (self.stack.project.env_file).write_text(f"IMAGE=app:{number}\nTOKEN=t{number}\n")

    def target(self) -> Target:
        return rollback_target(self.stack, choose(of(self.stack), [self.running], None))


def test_a_rollback_where_it_was_deployed_restores_secret_values_too(tmp_path: Path) -> None:
    assert Secretive(tmp_path).target().overrides == {"IMAGE": "app:1", "TOKEN": "t1"}


def test_a_rollback_in_another_folder_needs_the_secret_values_to_be_the_same(tmp_path: Path) -> None:
    shop = Secretive(tmp_path)
    private_file(tmp_path, "secrets.json").unlink()
    with pytest.raises(PlanRefused, match="the Compose file or the value of TOKEN has changed") as refused:
        shop.target()
    assert "set TOKEN in .env as it was" in refused.value.hint
    (tmp_path / ".env").write_text("IMAGE=app:2\nTOKEN=t1\n")
    assert shop.target().overrides == {"IMAGE": "app:1"}


class Pair:
    """Two services whose images have one variable; ``images``: of their earlier releases, the first one's first."""

    def __init__(self, folder: Path, templates: tuple[str, str], images: tuple[str, str]) -> None:
        (folder / ".env").write_text("TAG=2\n")
        compose = FakeCompose((), None, folder, {})
        settings = {name: Settings(service=name, worker=name == "worker") for name in ("web", "worker")}
        managed = {name: Managed(each, {}) for name, each in settings.items()}
        services = {name: {"image": template} for name, template in zip(settings, templates, strict=True)}
        self.project = Project("shop", folder, compose, {"services": services}, settings["web"], {}, {}, managed, "web")
        present: Any = SimpleNamespace(present=lambda name: True, digest=lambda name: f"sha256:{name}")
        platform: Any = SimpleNamespace(images=present)
        store = FakeStore()

        def stack(project: Project) -> Stack:
            project.__dict__["_raw"] = {"services": services}
            return Stack(project, platform, store, lambda: pytest.fail("asked"), stack)

        self.web = stack(self.project)
        for name, image in zip(settings, images, strict=True):
            chosen = self.web.of(name)
            naming = chosen.project.image_variables(image) or {}
            release = release_id(f"sha256:{image}", compose.config_hash(name, naming))
            entry = Entry(0, "me", "", "rolling", DONE, release, image, f"sha256:{image}", 1, 0, service=name)
            append(chosen, entry)

    def targets(self) -> dict[str, Target]:
        target = rollback_target(self.web, of(self.web)[0])
        return {"web": target, **shared_targets(self.web, target)}


@pytest.mark.parametrize("templates", [("app:${TAG}", "app:${TAG}"), ("app:${TAG:-1}", "worker:${TAG:-1}")])
def test_services_that_share_a_variable_of_their_image_roll_back_together(
    tmp_path: Path, templates: tuple[str, str]
) -> None:
    earlier = tuple(template.partition("$")[0] + "1" for template in templates)
    targets = Pair(tmp_path, templates, earlier).targets()  # type: ignore[arg-type]
    assert [target.image for target in targets.values()] == list(earlier)
    assert [dict(target.overrides) for target in targets.values()] == [{"TAG": "1"}] * 2


def test_a_rollback_is_refused_if_the_other_service_has_no_release_with_this_value(tmp_path: Path) -> None:
    pair = Pair(tmp_path, ("app:${TAG}", "worker:${TAG}"), ("app:1", "worker:0"))
    with pytest.raises(PlanRefused, match="worker has its image from TAG, too, and no release with worker:1"):
        pair.targets()


def test_services_with_variables_of_their_own_roll_back_alone(tmp_path: Path) -> None:
    pair = Pair(tmp_path, ("app:${TAG}", "worker:${WORKER_TAG}"), ("app:1", "worker:1"))
    assert pair.targets().keys() == {"web"}


def test_an_image_that_its_variables_cannot_name_is_refused_with_a_command(tmp_path: Path) -> None:
    pair = Pair(tmp_path, ("app:${TAG}", "other:${WORKER_TAG}"), ("app:1", "other:1"))
    images: Any = pair.web.platform.images
    images.digest = lambda name: "sha256:moved"
    with pytest.raises(PlanRefused, match="app:1 is another image now") as refused:
        pair.targets()
    assert "docker tag videa-kept/shop-web:" in refused.value.hint
