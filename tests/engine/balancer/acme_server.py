"""pebble, a small ACME server, and the DNS that it asks: Debian's package, or the tests are skipped."""

from __future__ import annotations

import json
import shutil
import ssl
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from bench.temporary_stack import free_port

ADDRESSES = ("127.0.0.1",)
"""Where its own certificate is valid."""


@dataclass
class AcmeServer:
    """``directory``: its URL; ``ca``: the file by which it is trusted."""

    directory: str
    ca: Path
    dns: str
    config: Path
    resolver: str
    process: subprocess.Popen[bytes] | None = None

    def resolve(self, name: str, address: str) -> None:
        """The address of a name from now on; others have none."""
        body = json.dumps({"host": name, "addresses": [address]}).encode()
        urllib.request.urlopen(f"{self.dns}/add-a", body, timeout=5).close()

    def start(self) -> None:
        """Also after ``stop``: it has then forgotten all accounts."""
        command = ["pebble", "-config", str(self.config), "-dnsserver", self.resolver]
        # By default it waits before each validation, and refuses every twentieth request once.
        environment = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0"}
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        context = ssl.create_default_context(cafile=str(self.ca))
        _until_answered(lambda: urllib.request.urlopen(self.directory, timeout=5, context=context).close())

    def stop(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()


@contextmanager
def acme_server(folder: Path) -> Iterator[AcmeServer]:
    """A running server whose validations go to port 8080 of the address of a name."""
    for program in ("pebble", "pebble-challtestsrv"):
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed: compose/setup/pebble.sh")
    port, management, dns, dns_management = (free_port() for _ in range(4))
    certificate, key = _own_certificate(folder)
    config = folder / "pebble.json"
    listening = {"listenAddress": f"127.0.0.1:{port}", "managementListenAddress": f"127.0.0.1:{management}"}
    files = {"certificate": str(certificate), "privateKey": str(key)}
    config.write_text(json.dumps({"pebble": {**listening, **files, "httpPort": 8080, "tlsPort": 8443}}))
    command = ["pebble-challtestsrv", "-defaultIPv4", "", "-defaultIPv6", "", "-dns01", f"127.0.0.1:{dns}"]
    command += ["-http01", "", "-https01", "", "-tlsalpn01", "", "-management", f"127.0.0.1:{dns_management}"]
    server = AcmeServer(
        f"https://127.0.0.1:{port}/dir",
        certificate,
        f"http://127.0.0.1:{dns_management}",
        config,
        f"127.0.0.1:{dns}",
    )
    with ExitStack() as stack:
        names = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        stack.callback(names.wait)
        stack.callback(names.kill)
        stack.callback(server.stop)
        _until_answered(lambda: server.resolve("nobody.example", "127.0.0.1"))
        server.start()
        yield server


def _until_answered(ask: object) -> None:
    deadline = datetime.now(UTC) + timedelta(seconds=30)
    while True:
        try:
            ask()  # type: ignore[operator]
        except OSError:
            assert datetime.now(UTC) < deadline
        else:
            return


def _own_certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name, now = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "pebble")]), datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address(address)) for address in ADDRESSES]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    files = folder / "pebble.pem", folder / "pebble.key"
    files[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files
