"""What a replica can reach: whether it resolves the names of the services that it uses and connects to them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from ops.doctor.facts_services import Reached
from ops.platform.ports import Platform

TIMEOUT = 2
"""Seconds for one name or connection."""

_PORTS = {"postgres": 5432, "postgresql": 5432, "redis": 6379, "rediss": 6379, "mysql": 3306, "amqp": 5672}
_PORTS |= {"mongodb": 27017, "http": 80, "https": 443}
_URL = re.compile(r"^\w[\w+.-]*://")

# Prints "host port resolves connects"; the last two are yes, no, or "-" if the image has no command for the test.
_SCRIPT = f"""
has() {{ command -v "$1" >/dev/null; }}
resolves() {{
  if has getent; then timeout {TIMEOUT} getent hosts "$1"
  elif has python3; then timeout {TIMEOUT} python3 -c 'import socket, sys; socket.getaddrinfo(sys.argv[1], None)' "$1"
  elif has nslookup; then timeout {TIMEOUT} nslookup "$1"
  else return 127
  fi
}}
connects() {{
  if has bash; then timeout {TIMEOUT} bash -c ': </dev/tcp/$0/$1' "$1" "$2"
  elif has python3; then timeout {TIMEOUT} python3 -c 'import socket, sys; socket.create_connection(sys.argv[1:])' "$@"
  elif has nc; then nc -z -w {TIMEOUT} "$1" "$2"
  else return 127
  fi
}}
try() {{
  "$@" >/dev/null 2>&1
  case $? in 0) echo yes ;; 127) echo - ;; *) echo no ;; esac
}}
for target in "$@"; do
  (
    host=${{target%:*}} port=${{target##*:}} way=-
    name=$(try resolves "$host")
    [ "$port" = 0 ] || [ "$name" = no ] || way=$(try connects "$host" "$port")
    echo "$host $port $name $way"
  ) &
done
wait
"""


def targets(environment: Mapping[str, Any], services: Iterable[str]) -> list[tuple[str, int]]:
    """(host, port) of the project's services in the URLs of an environment; port 0 if the URL implies none."""
    known = set(services)
    found = (place for value in environment.values() for place in _places(str(value or "")))
    return list(dict.fromkeys((host, port) for host, port in found if host in known))


def _places(url: str) -> Iterator[tuple[str, int]]:
    if not _URL.match(url):
        return
    try:
        parts = urlsplit(url)
        default = _PORTS.get(parts.scheme.partition("+")[0], 0)
        for place in parts.netloc.rpartition("@")[2].split(","):
            host, _, port = place.partition(":")
            yield host, int(port) if port.isdecimal() else default
    except ValueError:  # for example, an unbalanced bracket
        return


def reached(platform: Platform, container: str, wanted: Iterable[tuple[str, int]]) -> list[Reached]:
    """Tests all targets from inside the container, in parallel. Raises EngineError."""
    places = [f"{host}:{port}" for host, port in wanted]
    script = ["sh", "-c", _SCRIPT, "videa-doctor"]
    return read(platform.exec(container, [*script, *places]).output) if places else []


def read(output: str) -> list[Reached]:
    """The results in the script's output; a target without a result is unknown."""
    words = {"yes": True, "no": False}
    lines = [line.split() for line in output.splitlines()]
    return [
        Reached(line[0], int(line[1]), words.get(line[2]), words.get(line[3]))
        for line in lines
        if len(line) == 4 and line[1].isdecimal()
    ]
