"""A replica for tests, run inside its container. MODE: when it is well. Port 3001 serves, port 9000 has its health."""

import http.server
import os
import pathlib
import sys
import threading

MODE = os.environ.get("MODE", "good")


class Site(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self.answer(404 if self.path.startswith("/health") else 200)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.answer(200)

    def answer(self, code: int) -> None:
        self.send_response(code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        pass


class Health(Site):
    """Redirects to the page for one host only, as frameworks with a list of allowed hosts do."""

    def do_GET(self) -> None:
        self.answer(302 if self.headers["Host"] == "shop.example" and self.path == "/ready" else 400)


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 512
    daemon_threads = True


def waits_for_its_database() -> None:
    """Exits at its first two starts."""
    starts = pathlib.Path("/tmp/starts")
    starts.write_text(starts.read_text() + "x" if starts.exists() else "x")
    if len(starts.read_text()) < 3:
        sys.exit("no database yet")


if MODE == "waits":
    waits_for_its_database()
if MODE == "deaf":
    threading.Event().wait()
threading.Thread(target=Server(("", 9000), Health).serve_forever, daemon=True).start()
Server(("", 3001), Site).serve_forever()
