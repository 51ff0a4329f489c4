"""Contexts of the docker command, as its files have them."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest

from ops.engine.contexts import DockerContext, read_context
from ops.errors import EngineUnreachable

URL = "tcp://shop.example:2376"


def create(folder: Path, name: str, *files: str, skip: bool = False) -> dict[str, str]:
    """What `docker context create` writes: no config.json."""
    place = sha256(name.encode()).hexdigest()
    meta = folder / "contexts/meta" / place / "meta.json"
    meta.parent.mkdir(parents=True)
    meta.write_text(json.dumps({"Name": name, "Endpoints": {"docker": {"Host": URL, "SkipTLSVerify": skip}}}))
    for file in files:
        path = folder / "contexts/tls" / place / "docker" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return {"DOCKER_CONFIG": str(folder), "DOCKER_CONTEXT": name}


def test_a_context_is_found_without_a_configuration_file(tmp_path: Path) -> None:
    assert read_context(create(tmp_path, "shop")) == DockerContext(URL)


def test_the_current_context(tmp_path: Path) -> None:
    create(tmp_path, "shop")
    environment = {"DOCKER_CONFIG": str(tmp_path)}
    assert read_context(environment) == DockerContext()
    (tmp_path / "config.json").write_text('{"currentContext": "shop"}')
    assert read_context(environment) == DockerContext(URL)
    assert read_context({**environment, "DOCKER_CONTEXT": "default"}) == DockerContext()


@pytest.mark.parametrize(
    ("files", "skip", "verify", "certificate"),
    [
        (("ca.pem", "cert.pem", "key.pem"), False, True, True),
        (("ca.pem",), False, True, False),
        (("cert.pem", "key.pem"), True, False, True),
        ((), True, False, False),
    ],
)
def test_the_files_for_tls(tmp_path: Path, files: tuple[str, ...], skip: bool, verify: bool, certificate: bool) -> None:
    tls = read_context(create(tmp_path, "shop", *files, skip=skip)).tls
    assert tls
    assert (tls.verify, tls.cert is not None, tls.ca_cert is not None) == (verify, certificate, "ca.pem" in files)


@pytest.mark.parametrize("content", ['{"currentContext": "gone"}', None])
def test_a_context_that_does_not_exist_is_no_local_engine(tmp_path: Path, content: str | None) -> None:
    environment = {"DOCKER_CONFIG": str(tmp_path), "DOCKER_CONTEXT": "" if content else "gone"}
    if content:
        (tmp_path / "config.json").write_text(content)
    with pytest.raises(EngineUnreachable, match="Docker context 'gone'"):
        read_context(environment)
