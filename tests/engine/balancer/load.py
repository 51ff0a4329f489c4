"""A bounded load of keep-alive clients that calls a cut request what it is."""

from __future__ import annotations

import http.client
import threading
import time
from dataclasses import dataclass, field

MOST_SECONDS = 60


@dataclass
class Load:
    """``clients`` threads, each with one connection, GET and POST in turn. Use as a context manager."""

    port: int
    clients: int = 8
    pause: float = 0.005
    path: str = "/"
    done: int = 0
    slowest: float = 0.0
    failures: list[str] = field(default_factory=list)

    def __enter__(self) -> Load:
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self.answered = [0] * self.clients
        """Requests that have ended, for each client."""
        self._threads = [threading.Thread(target=self._client, args=(n,)) for n in range(self.clients)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def failed(self, method: str) -> list[str]:
        return [failure for failure in self.failures if failure.startswith(method)]

    def _client(self, number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        end = time.monotonic() + MOST_SECONDS
        turn = number
        while not self._stop.is_set() and time.monotonic() < end:
            turn += 1
            method = "POST" if turn % 2 else "GET"
            begun = time.monotonic()
            failure = ""
            try:
                connection.request(method, self.path, body=b"x" * 100 if method == "POST" else None)
                response = connection.getresponse()
                response.read()
                if response.status >= 500:
                    failure = f"{method} {response.status}"
            except (OSError, http.client.HTTPException) as error:
                failure = f"{method} {error!r}"
                connection.close()
            with self._lock:
                self.done += 1
                self.answered[number] += 1
                self.slowest = max(self.slowest, time.monotonic() - begun)
                if failure:
                    self.failures.append(failure)
            time.sleep(self.pause)
        connection.close()
