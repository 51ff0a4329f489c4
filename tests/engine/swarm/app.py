"""The web application of the tests on a swarm: it answers every GET and POST with its release."""

import http.server
import os
import signal
import threading


class App(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        broken = os.environ.get("BROKEN") and self.path.startswith("/api")
        body = os.environ.get("RELEASE", "").encode()
        self.send_response(500 if broken else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *ignored: object) -> None:
        """Keeps the log empty."""


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 100
    daemon_threads = False


server = Server(("", 8000), App)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
server.serve_forever()
