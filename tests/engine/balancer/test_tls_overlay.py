"""nginx with the files of compose/tls.yml: redirects to the configured name, HSTS, and bodies over HTTP/2."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.engine.balancer.conftest import REPOSITORY, Bench

GET_WITH_A_BODY = (
    "head -c {size} /dev/zero | curl -sk --http2 -X {method} -T - -o /dev/null -w '%{{http_version}} %{{http_code}}'"
    " --max-time 10 https://127.0.0.1:8443/"
)


def certificate(folder: Path) -> None:
    """A self-signed certificate, readable by nginx's user."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mozi.example")])
    now = datetime.datetime.now(datetime.UTC)
    signed = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    (folder / "fullchain.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    (folder / "privkey.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    for path in (folder, *folder.iterdir()):
        path.chmod(0o755)


@pytest.fixture
def secured(bare: Bench, tmp_path: Path) -> Bench:
    """nginx as the overlay starts it, before one replica."""
    certificate(tmp_path)
    for parent in tmp_path.parents[:3]:
        parent.chmod(parent.stat().st_mode | 0o011)
    volumes = {
        bare.network.name: {"bind": "/etc/nginx/videa"},
        str(REPOSITORY / "compose/tls/site.conf"): {"bind": "/etc/nginx/site.conf", "mode": "ro"},
        str(tmp_path): {"bind": "/etc/nginx/tls", "mode": "ro"},
    }
    bare.start_nginx({"PUBLIC_HOST": "mozi.example", "PUBLIC_PORT": "8443"}, volumes=volumes)
    bare.start("one")
    bare.until(lambda: bare.get("/health/live")[0] == 200)
    return bare


def inside(bench: Bench, *command: str) -> str:
    return bench.engine.exec(bench.nginx.id, ["sh", "-c", *command]).output


def test_the_overlay_redirects_to_its_own_name_and_bounds_every_body(secured: Bench) -> None:
    for host in ("evil.example", "mozi.example:8080"):
        status, _, headers = secured.get("/a?b=c", Host=host)
        assert (status, headers["Location"]) == (308, "https://mozi.example:8443/a?b=c")
    answer = inside(secured, "curl -skD - -o /dev/null https://127.0.0.1:8443/").lower()
    assert "strict-transport-security: max-age=31536000" in answer
    # HTTP/2 announces no length: what is not counted as a body may only have a small one.
    for method in ("GET", "OPTIONS"):
        assert inside(secured, GET_WITH_A_BODY.format(size=20_000, method=method)) == "2 413"
    assert inside(secured, GET_WITH_A_BODY.format(size=10, method="GET")) == "2 200"
