"""TLS to an engine: the settings of the docker command, whatever else the environment has."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests
from docker.tls import TLSConfig
from requests.adapters import HTTPAdapter

from ops.engine.client import Engine
from ops.engine.remote import tls_from
from ops.errors import EngineUnreachable


@pytest.fixture
def certificates(tmp_path: Path) -> Path:
    for name in ("ca.pem", "cert.pem", "key.pem"):
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize("variables", [{}, {"DOCKER_TLS_VERIFY": ""}, {"DOCKER_CERT_PATH": "/certificates"}])
def test_without_a_wish_there_is_no_tls(variables: dict[str, str]) -> None:
    assert tls_from(variables) is None


def test_the_files_of_the_docker_command_are_used(certificates: Path) -> None:
    tls = tls_from({"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(certificates)})
    assert tls
    assert (tls.verify, tls.ca_cert) == (True, str(certificates / "ca.pem"))
    assert tls.cert == (str(certificates / "cert.pem"), str(certificates / "key.pem"))
    assert tls_from({"DOCKER_TLS_VERIFY": "1", "DOCKER_CONFIG": str(certificates)})


def test_a_client_certificate_is_optional_and_the_authority_is_not(certificates: Path) -> None:
    (certificates / "key.pem").unlink()
    variables = {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(certificates)}
    assert isinstance(tls := tls_from(variables), TLSConfig)
    assert tls.cert is None
    (certificates / "ca.pem").unlink()
    with pytest.raises(EngineUnreachable, match=r"needs .*ca\.pem, which does not exist"):
        Engine({**variables, "DOCKER_HOST": "tcp://192.0.2.7:2376"})


@pytest.mark.parametrize("wish", ["DOCKER_TLS_VERIFY", "DOCKER_TLS"])
def test_a_bundle_for_the_web_does_not_verify_the_engine(
    certificates: Path, monkeypatch: pytest.MonkeyPatch, wish: str
) -> None:
    used: list[object] = []

    def send(_: object, request: object, stream: object, timeout: object, verify: object, *rest: object) -> None:
        used.extend((verify, timeout))
        raise requests.exceptions.ConnectTimeout("no route")

    monkeypatch.setattr(HTTPAdapter, "send", send)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/etc/ssl/bundle.pem")
    with pytest.raises(EngineUnreachable, match="does not answer"):
        Engine({"DOCKER_HOST": "tcp://192.0.2.7:2376", wish: "1", "DOCKER_CERT_PATH": str(certificates)})
    assert used[0] == (str(certificates / "ca.pem") if wish == "DOCKER_TLS_VERIFY" else False)
    assert used[1] == (15, 60)
