"""The agent's only endpoint: /metrics and /sd, for Prometheus. It is read-only and exposes no secrets."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import msgspec

from ops.errors import ConfigError, VideaError
from ops.metrics import discovery, exposition
from ops.metrics.figures import Counts, Figures

HINT = "use a free HOST:PORT, such as 127.0.0.1:9464"

TIMEOUT = 10.0
"""Timeout of a request in seconds, so that an idle client does not occupy a thread."""


def answer(path: str, figures: Callable[[], Figures], counts: Counts, version: str) -> tuple[HTTPStatus, str, bytes]:
    """(status, content type, body) of a GET."""
    parts = urlsplit(path)
    try:
        if parts.path == "/metrics":
            return HTTPStatus.OK, exposition.CONTENT_TYPE, exposition.text(figures(), counts, version)
        if parts.path == "/sd":
            now = figures()
            network = parse_qs(parts.query).get("network", [""])[0]
            services = [(service.port, service.replicas) for service in now.services.values()]
            listed = {name for service in now.services.values() for name in service.listed}
            found = discovery.targets(now.project, services, listed, network)
            return HTTPStatus.OK, "application/json", msgspec.json.encode(found)
    except VideaError as error:
        return HTTPStatus.SERVICE_UNAVAILABLE, "text/plain", f"{error.message}\n".encode()
    return HTTPStatus.NOT_FOUND, "text/plain", b"/metrics and /sd\n"


@dataclass
class Endpoint:
    """Serves until ``close``. ``address``: HOST:PORT. Raises ConfigError if it is invalid or in use."""

    address: str
    figures: Callable[[], Figures]
    counts: Counts
    version: str
    _server: ThreadingHTTPServer = field(init=False)

    def __post_init__(self) -> None:
        host, _, port = self.address.rpartition(":")
        outer = self

        class Handler(BaseHTTPRequestHandler):
            timeout = TIMEOUT

            def do_GET(self) -> None:
                status, kind, body = answer(self.path, outer.figures, outer.counts, outer.version)
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *arguments: object) -> None:
                """Logs nothing: standard output is for events."""

        try:
            self._server = ThreadingHTTPServer((host, int(port)), Handler)
        except OSError as error:
            raise ConfigError(f"--metrics {self.address}: {error.strerror}", HINT) from error
        except (ValueError, OverflowError) as error:
            raise ConfigError(f"--metrics: {self.address!r} is not HOST:PORT", HINT) from error
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, name="videa-metrics", daemon=True).start()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
