"""Clients of engines on other machines: over ssh, and over TCP with or without TLS."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import docker
import docker.constants
import urllib3
from docker.tls import TLSConfig
from requests.adapters import HTTPAdapter

from ops.engine.contexts import CA, config_folder, own_certificate
from ops.engine.local import POOL_SIZE
from ops.engine.ssh import CONNECT_TIMEOUT, SshAdapter, ssh_command
from ops.errors import EngineUnreachable


def over_ssh(url: str, environment: Mapping[str, str], timeout: float) -> docker.DockerClient:
    """A client whose connections are ssh commands. ``timeout``: seconds of a call. Raises ValueError for a bad URL."""
    # The SDK uses the adapter instead of the socket that it was given.
    adapter = SshAdapter(ssh_command(url), environment, timeout, POOL_SIZE)
    return _negotiated(adapter, ("http+docker://",), base_url="unix:///over-ssh", timeout=timeout)


def over_tcp(url: str, tls: TLSConfig | None, timeout: float) -> docker.DockerClient:
    """A client for tcp://HOST:PORT. ``timeout``: seconds of a call."""
    verify = (tls.ca_cert if tls.verify and tls.ca_cert else bool(tls.verify)) if tls else True
    adapter = _TcpAdapter(verify)
    return _negotiated(adapter, ("http://", "https://"), base_url=url, tls=tls or False, timeout=timeout)


def _negotiated(adapter: HTTPAdapter, prefixes: tuple[str, ...], **options: Any) -> docker.DockerClient:
    """A client that sends its requests through ``adapter``, also the first one, for the engine's version."""

    def client(version: str) -> docker.DockerClient:
        made = docker.DockerClient(version=version, **options)
        for prefix in prefixes:
            made.api.mount(prefix, adapter)
        return made

    first = client(docker.constants.DEFAULT_DOCKER_API_VERSION)
    return client(str(first.api.version(api_version=False)["ApiVersion"]))


class _TcpAdapter(HTTPAdapter):
    """Gives up on a host that does not answer earlier than on a call.

    ``verify``: a file with certificates, or whether to verify at all. requests would verify with the file in
    REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE instead, which are set behind many proxies, and verify what need not be.
    """

    def __init__(self, verify: str | bool) -> None:
        super().__init__(pool_maxsize=POOL_SIZE)
        self._verify = verify
        if not verify:
            # It is what the user has asked for, and each request would warn of it.
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)

    def send(
        self,
        request: Any,
        stream: Any = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> Any:
        bounded = (min(CONNECT_TIMEOUT, timeout), timeout) if isinstance(timeout, int | float) else timeout
        return super().send(request, stream, bounded, self._verify, cert, proxies)


def tls_from(environment: Mapping[str, str]) -> TLSConfig | None:
    """The TLS settings of the docker command: DOCKER_TLS_VERIFY, DOCKER_TLS and DOCKER_CERT_PATH; None without TLS.

    A client certificate is optional, as for docker. Raises EngineUnreachable if the file to verify with is missing.
    """
    verify = bool(environment.get("DOCKER_TLS_VERIFY"))
    if not verify and not environment.get("DOCKER_TLS"):
        return None
    folder = Path(environment.get("DOCKER_CERT_PATH") or config_folder(environment))
    ca = folder / CA
    if verify and not ca.is_file():
        raise EngineUnreachable(
            f"TLS to the Docker Engine needs {ca}, which does not exist",
            "set DOCKER_CERT_PATH to the folder with ca.pem, cert.pem and key.pem; or unset DOCKER_TLS_VERIFY",
        )
    return TLSConfig(client_cert=own_certificate(folder), ca_cert=str(ca) if verify else None, verify=verify)
