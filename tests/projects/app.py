"""The web application of every project here: python3 app.py PORT [START], with START seconds until it listens."""

import http.server
import os
import signal
import sys
import threading
import time

PATHS = tuple(os.environ.get("PATHS", "/ /healthz").split())


class App(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        body = os.uname().nodename.encode()
        self.send_response(200 if self.path in PATHS else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *ignored: object) -> None:
        """Keeps the log empty."""


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 100
    daemon_threads = False


def main(port: str, start: str = "0") -> None:
    time.sleep(float(start))
    server = Server(("", int(port)), App)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever()


main(*sys.argv[1:])
