"""When the balancer's image is built, and on what."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from ops.balancer import packaged
from ops.errors import ImageUnavailable
from ops.events import Event, StepEnded
from ops.notices import BalancerOutdated
from tests.unit.ops.fakes.platform import FakeImages

OFFICIAL = "nginx:1.30"
OTHER = f"{packaged.REPOSITORY}:0123456789ab"


class Engine(FakeImages):
    """An engine with some images; ``registry``: what a pull brings; ``packages``: Debian's can be had."""

    def __init__(self, *present: str, registry: tuple[str, ...] = (), packages: bool = False) -> None:
        self.stored = set(present)
        self.packages = packages
        self.registry = registry
        self.built: list[tuple[str, Path, dict[str, str]]] = []

    def present(self, reference: str) -> bool:
        return reference in self.stored

    def ensure(self, reference: str) -> None:
        if reference not in self.registry:
            raise ImageUnavailable(f"there is no image {reference}: no route to host", "check its name")
        self.stored.add(reference)

    def make(self, reference: str, script: Path) -> None:
        assert script.is_file()
        if not self.packages:
            raise ImageUnavailable("this is not a Debian system", "--verbose shows the output")
        self.stored.add(reference)

    def build(self, reference: str, folder: Path, arguments: Mapping[str, str]) -> None:
        self.built.append((reference, folder, dict(arguments)))
        self.stored.add(reference)


def done(events: list[Event]) -> list[str]:
    return [getattr(event.step, "text", "") for event in events if isinstance(event, StepEnded)]


@pytest.mark.parametrize(
    ("engine", "base"),
    [
        pytest.param(Engine(OFFICIAL, packaged.FROM_DEBIAN), OFFICIAL, id="official"),
        pytest.param(Engine(packaged.FROM_DEBIAN, registry=(OFFICIAL,)), packaged.FROM_DEBIAN, id="from Debian"),
        pytest.param(Engine(registry=(OFFICIAL,)), OFFICIAL, id="pulled"),
        pytest.param(Engine(packages=True), packaged.FROM_DEBIAN, id="made from Debian packages"),
    ],
)
def test_it_is_built_once_on_the_base_that_is_there(engine: Engine, base: str) -> None:
    events: list[Event] = []
    for _ in range(2):
        assert packaged.ensure_image(engine, events.append) == packaged.reference()
    assert engine.built == [(packaged.reference(), packaged.FOLDER, {"NGINX_BASE": base})]
    assert done(events)[-1] == f"build {packaged.reference()} from {base}"


def test_without_a_base_the_error_names_the_command_that_must_work() -> None:
    with pytest.raises(ImageUnavailable, match="no route to host; and this is not a Debian system") as error:
        packaged.ensure_image(Engine(), lambda event: None)
    assert error.value.hint == f"make this command work: docker pull {OFFICIAL}"


def test_a_projects_missing_image_is_built_only_if_it_is_the_one_of_this_version() -> None:
    engine = Engine(OFFICIAL)
    packaged.provide(engine, "my-nginx:1", lambda event: None)
    assert not engine.built
    packaged.provide(engine, packaged.reference(), lambda event: None)
    assert [name for name, *_ in engine.built] == [packaged.reference()]
    with pytest.raises(ImageUnavailable, match=OTHER):
        packaged.provide(engine, OTHER, lambda event: None)


def test_the_image_of_another_version_serves_on_and_is_reported() -> None:
    engine, events = Engine(OFFICIAL, OTHER), list[Event]()
    packaged.provide(engine, OTHER, events.append)
    assert not engine.built
    assert events == [BalancerOutdated(OTHER)]


def test_the_name_changes_with_any_packaged_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = set()
    for number, content in enumerate(("a", "b", "b ")):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / "site.conf").write_text(content)
        monkeypatch.setattr(packaged, "FOLDER", folder)
        names.add(packaged.reference.__wrapped__())
    assert len(names) == 3


def test_every_file_of_the_image_is_in_the_wheel() -> None:
    """The pattern of pyproject.toml takes no folders and no hidden files."""
    assert all(path.is_file() and not path.name.startswith(".") for path in packaged.FOLDER.iterdir())
