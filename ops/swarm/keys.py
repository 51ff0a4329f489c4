"""The certificates of the channel between a manager and nginx on other nodes, made by the manager itself.

There are two, both self-signed, and both ends trust exactly these two. The operator's certificate allows commands in
nginx's containers: its key is in a config, which managers can read and no node gets. The edges' key is in a secret,
which only nginx's containers get: with it, an edge can identify itself and read the configuration of another edge.
Neither can issue further certificates.
"""

from __future__ import annotations

import subprocess
from base64 import b64decode, b64encode
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from ops.engine.client import Engine
from ops.errors import EngineError
from ops.swarm import api, labels

EDGE_NAME = "videa-edge"
OPERATOR = "videa-operator"
"""The names in the certificates; ``balancer/image/edge.conf`` allows commands to OPERATOR only."""
DAYS = 3650
"""Validity of the certificates, in days; `videa down` removes them, and the next `videa up` makes new ones."""

OWN_FILE, CLIENTS_FILE = "videa-edge.pem", "videa-edge-clients.pem"
"""In /run/secrets of nginx's containers: their key with its certificate, and the trusted certificates."""

_CONFIG = """
[req]
prompt = no
distinguished_name = name
x509_extensions = ends_here
[name]
CN = {name}
[ends_here]
basicConstraints = critical,CA:FALSE
subjectAltName = DNS:{name}
"""


@dataclass(frozen=True)
class Keys:
    """``operator``: key and certificate of the operator, PEM; ``edge``: the certificate of the edges, PEM."""

    operator: str
    edge: str


def keys_of(engine: Engine, project: str) -> Keys | None:
    """The operator's keys; None if the project has no edges on other nodes. Raises EngineError."""
    present = api.found(engine, "configs", _operator(project))
    if present is None:
        return None
    operator, edge = b64decode(present["Spec"]["Data"]).decode().split("\n\n", 1)
    return Keys(operator, edge)


def ensure(engine: Engine, project: str) -> list[tuple[str, str, str]]:
    """Makes the certificates of a project that has none. Returns the secrets: id, name and file. Raises EngineError.

    If several managers do this at the same time, the config of the operator that is created first counts.
    """
    if api.found(engine, "configs", _operator(project)) is None:
        _make(engine, project)
    found = []
    for name, file in ((f"{project}.edge", OWN_FILE), (f"{project}.edge-clients", CLIENTS_FILE)):
        secret = api.found(engine, "secrets", name)
        if secret is None:
            raise EngineError(
                f"the swarm has no secret {name}, and its counterpart {_operator(project)} is there",
                f"remove it, and start again: docker config rm {_operator(project)}; videa up",
            )
        found.append((str(secret["ID"]), name, file))
    return found


def remove(engine: Engine, project: str) -> None:
    """Removes the certificates. Raises EngineError, also while a container has them."""
    api.remove(engine, "configs", _operator(project))
    for name in (f"{project}.edge", f"{project}.edge-clients"):
        api.remove(engine, "secrets", name)


def _make(engine: Engine, project: str) -> None:
    operator, edge = _pair(OPERATOR), _pair(EDGE_NAME)
    marked = {labels.PROJECT: project, labels.STACK: project}
    remove(engine, project)
    for kind, name, content in (
        ("secrets", f"{project}.edge", "".join(edge)),
        ("secrets", f"{project}.edge-clients", edge[1] + operator[1]),
        ("configs", _operator(project), f"{''.join(operator).strip()}\n\n{edge[1]}"),
    ):
        spec = {"Name": name, "Labels": marked, "Data": b64encode(content.encode()).decode()}
        if api.create(engine, kind, spec) is None:
            raise EngineError(f"another process has created {name} meanwhile", "try again")


def _operator(project: str) -> str:
    return f"{project}.operator"


def _pair(name: str) -> tuple[str, str]:
    """A new key and its certificate, PEM. Raises EngineError."""
    with TemporaryDirectory(prefix="videa-") as folder:
        config, key, certificate = (Path(folder) / each for each in ("config", "key", "certificate"))
        config.write_text(_CONFIG.format(name=name))
        new = ["openssl", "req", "-x509", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc"]
        paths = ["-config", str(config), "-keyout", str(key), "-out", str(certificate), "-days", str(DAYS)]
        try:
            subprocess.run([*new, *paths], check=True, capture_output=True, text=True)
        except FileNotFoundError as error:
            raise EngineError(
                "openssl, which creates the edges' certificates, is not installed here", "install it"
            ) from error
        except subprocess.CalledProcessError as error:
            raise EngineError(
                "openssl could not create the edges' certificates", "see --verbose", error.stderr
            ) from error
        return key.read_text(), certificate.read_text()
