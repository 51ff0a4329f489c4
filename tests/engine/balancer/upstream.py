"""A replica for tests, run inside its container: its name, /hold/X until /release/X, /count/PATH, a /large/SIZE header.

/chat is a WebSocket that returns what it gets (without frames: nginx does not look into them).
"""

import http.server
import os
import threading
from collections import defaultdict

answered: dict[str, int] = {}
lock = threading.Lock()
status = {"now": 200}
held: dict[str, threading.Event] = defaultdict(threading.Event)


class Replica(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # an answer leaves in one piece, as those of real backends do

    def do_GET(self) -> None:
        with lock:
            answered[self.path] = answered.get(self.path, 0) + 1
        _, verb, *rest = self.path.split("/")
        if verb == "chat":
            return self.echo()
        if verb == "hold":
            held[rest[0]].wait(60)
        elif verb == "release":
            held[rest[0]].set()
        elif verb == "become":
            status["now"] = int(rest[0])
        elif verb == "count":
            return self.answer(200, str(answered.get("/" + "/".join(rest), 0)))
        elif verb == "headers":
            return self.answer(200, "\n".join(f"{name}: {value}" for name, value in self.headers.items()))
        elif verb == "large":
            return self.answer(200, "large", {"X-Large": "x" * int(rest[0])})
        return self.answer(status["now"], os.uname().nodename)

    def echo(self) -> None:
        self.close_connection = True
        self.send_response(101)
        self.send_header("Connection", "Upgrade")
        self.send_header("Upgrade", "websocket")
        self.end_headers()
        self.wfile.flush()
        while line := self.rfile.readline():
            self.wfile.write(line)
            self.wfile.flush()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path.startswith("/die"):
            os._exit(1)
        self.do_GET()

    def answer(self, code: int, text: str, headers: dict[str, str] = {}) -> None:  # noqa: B006
        body = text.encode()
        self.send_response(code)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: object) -> None:
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 512
    daemon_threads = True


Server(("", 3001), Replica).serve_forever()
