"""Certificates from a real ACME server, served by a real nginx, which no client notices."""

from __future__ import annotations

import http.client
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import cast

import pytest
from docker.types import Mount

from ops.balancer.certificates import CertificateVolume, Info, Issued
from ops.certificates.protocol import Authority
from ops.certificates.renewal import Renewals
from ops.engine.client import Engine
from ops.errors import BalancerError
from ops.events import Event
from ops.notices import CertificateFailed, CertificateRenewed
from ops.platform.compose.platform import ComposePlatform
from ops.project.config import Project
from ops.project.settings import Tls
from tests.engine.balancer.acme_server import AcmeServer, acme_server
from tests.engine.balancer.conftest import Bench, new_bench
from tests.unit.ops.fakes.store import FakeStore

SHOP, BLOG, LOST = "shop.example", "blog.example", "lost.example"


@dataclass
class Site:
    """nginx with HTTPS, an ACME server, and the certificates of both."""

    bench: Bench
    acme: AcmeServer
    told: list[Event] = field(default_factory=list)
    store: FakeStore = field(default_factory=FakeStore)

    @property
    def renewals(self) -> Renewals:
        tls = Tls((SHOP, LOST, BLOG), "ops@shop.example", self.acme.directory)
        authority = Authority(tls.directory, self.acme.ca.read_text(), tls.email)
        return Renewals("shop", tls, authority, self.store, self.volume, self.told.append)

    def obtained(self) -> Renewals:
        """With certificates for the names that resolve."""
        renewals, seen = self.renewals, self.volume.look()
        renewals.arrange(seen)
        assert all(renewals.renew(name) for name in (SHOP, BLOG) if name not in seen.certificates)
        return renewals

    @property
    def volume(self) -> CertificateVolume:
        return CertificateVolume(ComposePlatform(self.bench.engine, cast(Project, None)), self.bench.nginx.id)

    @property
    def port(self) -> int:
        self.bench.nginx.reload()
        return int(self.bench.nginx.ports["8443/tcp"][0]["HostPort"])

    def served(self, name: str) -> str:
        """The certificate that a client of a name gets."""
        return self.asked(name)[0]

    def asked(self, name: str) -> tuple[str, int]:
        """It, and the status of a request."""
        connection = https(self.port, name)
        try:
            der = connection.sock.getpeercert(binary_form=True)  # afterwards nginx may have closed it, to reload
            connection.request("GET", "/", headers={"Host": name})
            status = connection.getresponse().status
            return ssl.DER_cert_to_PEM_cert(der), status
        finally:
            connection.close()

    def inside(self, command: str) -> str:
        return self.bench.engine.exec(self.bench.nginx.id, ["sh", "-c", command]).output


def https(port: int, name: str) -> http.client.HTTPSConnection:
    """A connection that names ``name`` (SNI), whatever the address is."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=20, context=context)
    plain = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    plain.connect()
    connection.sock = context.wrap_socket(plain.sock, server_hostname=name)
    return connection


@pytest.fixture(scope="module")
def site(engine: Engine, nginx_image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with acme_server(tmp_path_factory.mktemp("acme")) as acme, new_bench(engine, nginx_image) as bench:
        bench.start_nginx(
            mounts=[Mount("/etc/nginx/certificates", None, type="volume")],
            ports={f"{port}/tcp": ("127.0.0.1", None) for port in (8080, 8443)},
        )
        bench.start("one", "two")
        bench.until(lambda: {bench.get("/")[1] for _ in range(8)} == {"one", "two"})
        site = Site(bench, acme)
        bench.nginx.reload()
        for name in (SHOP, BLOG):
            acme.resolve(name, bench.nginx.attrs["NetworkSettings"]["Networks"][bench.network.name]["IPAddress"])
        yield site


class Clients:
    """Requests over HTTPS with HTTP/1.1 and HTTP/2, on connections that stay open, until the end of the block."""

    def __init__(self, site: Site) -> None:
        self.site, self.port, self.stop = site, site.port, threading.Event()
        self.failed: list[str] = []
        self.done = self.done_http_2 = 0

    def __enter__(self) -> Clients:
        url = f"https://{SHOP}:{self.port}/?[1-100000]"
        shown = r"%{stderr}%{http_version} %{http_code}\n"  # to stdout, curl writes only a few hundred at once
        command = ["curl", "-sk", "--http2", "--rate", "200/s", "--noproxy", "*", "-o", "/dev/null", "-w", shown, url]
        command += ["--resolve", f"{SHOP}:{self.port}:127.0.0.1"]
        self.http_2 = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
        self.threads = [threading.Thread(target=self._http_1, args=(number,)) for number in range(4)]
        self.threads.append(threading.Thread(target=self._http_2))
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop.set()
        self.http_2.terminate()
        for thread in self.threads:
            thread.join()
        self.http_2.wait()

    def _http_2(self) -> None:
        assert self.http_2.stderr
        with self.http_2.stderr as lines:
            for line in lines:
                if self.stop.is_set():  # curl also reports the request that its end breaks off
                    break
                self.done_http_2 += 1
                if line.strip() != "2 200":
                    self.failed.append(line.strip())

    def _http_1(self, number: int) -> None:
        connection = https(self.port, SHOP)
        while not self.stop.is_set():
            method = "POST" if number % 2 else "GET"
            try:
                connection.request(method, "/", b"x" * 100 if method == "POST" else None, {"Host": SHOP})
                answer = connection.getresponse()
                answer.read()
                if answer.status != 200:
                    self.failed.append(f"{method} {answer.status}")
                if answer.will_close:  # as it has said: the next request needs a new connection
                    connection.close()
                    connection = https(self.port, SHOP)
            except (OSError, http.client.HTTPException) as error:
                self.failed.append(f"{method} {error!r}")
                connection.close()
                connection = https(self.port, SHOP)
            self.done += 1
            time.sleep(0.005)
        connection.close()


def test_certificates_are_obtained_and_renewed_twice_and_no_request_fails(site: Site) -> None:
    # Without a certificate, plain HTTP serves, and HTTPS refuses the handshake.
    assert site.bench.get("/", Host=SHOP)[0] == 200
    with pytest.raises(ssl.SSLError):
        site.served(SHOP)
    renewals = site.renewals
    renewals.arrange(site.volume.look())
    assert [renewals.renew(each.domain) for each in renewals.certificates()] == [True, False, True]
    failed = next(event for event in site.told if isinstance(event, CertificateFailed))
    assert failed.domain == LOST
    assert [event.domain for event in site.told if isinstance(event, CertificateRenewed)] == [SHOP, BLOG]
    assert site.served(SHOP) != site.served(BLOG)
    assert site.served("unknown.example") == site.served(SHOP)
    # Plain HTTP is redirected for names with a certificate, and the keys are for nginx alone.
    status, _, headers = site.bench.get("/a?b=1", Host=SHOP)
    assert (status, headers["Location"]) == (308, f"https://{SHOP}/a?b=1")
    assert site.bench.get("/", Host=LOST)[0] == 200
    assert site.bench.get("/.well-known/acme-challenge/none", Host=SHOP)[0] == 404
    assert site.inside("cd /etc/nginx/certificates && find . -type f -perm /077; ls challenges") == ""
    first = site.served(SHOP)
    with Clients(site) as clients:
        for _ in range(2):
            before = site.served(SHOP)
            assert renewals.renew(SHOP)
            assert site.served(SHOP) != before
        site.bench.until(lambda: clients.done > 100 and clients.done_http_2 > 100)
    assert clients.failed == []
    assert site.served(SHOP) != first
    assert len(site.inside(f"ls /etc/nginx/certificates/{SHOP}").split()) == 3  # the current, the previous, the link


def test_without_the_acme_server_the_certificate_stays_and_a_new_account_is_made_after_it(site: Site) -> None:
    renewals = site.obtained()
    before = site.served(BLOG)
    site.acme.stop()
    try:
        assert not renewals.renew(BLOG)
        state = next(each.state for each in renewals.certificates() if each.domain == BLOG)
        assert state.failures == 1 and "does not answer" in state.error
        assert site.served(BLOG) == before
    finally:
        site.acme.start()
    assert renewals.renew(BLOG)
    assert site.served(BLOG) != before


def test_what_nginx_refuses_never_serves_and_never_keeps_it_from_starting(site: Site) -> None:
    renewals = site.obtained()
    before, folder = site.served(SHOP), "/etc/nginx/certificates"
    with pytest.raises(BalancerError, match="nginx refuses the certificate"):
        site.volume.install(SHOP, Issued("not PEM", "not PEM", Info("bad", "nobody", 0, 1)))
    # nginx takes this one, and does not serve it, because nobody has said that the name is ours.
    valid = Issued(site.acme.ca.read_text(), site.acme.ca.with_suffix(".key").read_text(), Info("ok", "me", 0, 1))
    with pytest.raises(BalancerError, match="does not serve the new certificate"):
        replace(site.volume, looks=3).install("other.example", valid)
    assert site.served(SHOP) == before
    assert site.inside(f"ls -d {folder}/{SHOP}/bad {folder}/other.example/* 2>/dev/null") == ""
    site.inside(f"echo broken > {folder}/{SHOP}/current/fullchain.pem")
    site.bench.nginx.restart()
    site.bench.until(lambda: site.bench.get("/", Host=SHOP)[0] == 200)  # no longer redirected
    assert site.asked(BLOG)[1] == 200
    assert renewals.renew(SHOP)
    assert site.asked(SHOP)[1] == 200
