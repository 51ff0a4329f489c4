"""The numbers of ops/balancer/image/limits.sh fit the memory, the disk and the sizes in the configuration of nginx."""

from __future__ import annotations

import ipaddress
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from ops.balancer.proxy import values
from ops.traffic import Proxy

ROOT = Path(__file__).parents[2]
NGINX = ROOT / "ops/balancer/image"
CONNECTION_KIB = {"plain": 20, "tls": 64}
BODY_KIB, HEADERS_KIB = 65536, 16
NGINX_ITSELF_MIB, WORKER_MIB = 48, 12
DISK = 100_000_000


def limits(
    memory: int,
    processors: int,
    spool: int,
    kind: str,
    body: int = BODY_KIB,
    headers: int = HEADERS_KIB,
    **environment: str,
) -> dict[str, int]:
    """What the script prints; memory in MiB, the others in KiB."""
    numbers = (memory, processors, spool, kind, body, headers)
    command = ["sh", str(NGINX / "limits.sh"), *map(str, numbers)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return {name: int(number) for name, number in (line.split("=") for line in done.stdout.splitlines())}


def directive(name: str) -> str:
    """Of the nginx that clients connect to; edge.conf is of another one."""
    text = "\n".join(path.read_text() for path in NGINX.glob("*.conf") if path.name != "edge.conf")
    (value,) = re.findall(rf"^\s*{name} ([^;]+);", text, re.MULTILINE)
    return str(value)


def kib(size: str) -> int:
    return int(size[:-1]) * {"k": 1, "m": 1024}[size[-1]]


def request_kib(headers: int, buffers: int) -> int:
    """client_body_buffer_size, proxy_buffer_size, proxy_buffers, and pools."""
    return 16 + headers + buffers * 8 + 8


@pytest.mark.parametrize("headers", [4, 16, 100, 256])
@pytest.mark.parametrize("kind", ["plain", "tls"])
@pytest.mark.parametrize("processors", [1, 2, 4, 64])
@pytest.mark.parametrize("memory", [256, 512, 1024, 4096, 16384])
def test_what_clients_can_hold_fits_the_memory_also_while_a_reload_doubles_the_workers(
    memory: int, processors: int, kind: str, headers: int
) -> None:
    given = limits(memory, processors, DISK, kind, headers=headers)
    connections = given["workers"] * given["connections"]
    requests = given["requests"] * request_kib(headers, given["buffers"]) / 1024
    held = 2 * connections * CONNECTION_KIB[kind] / 1024 + requests
    if given["connections"] > 256:  # below nobody could be served
        assert held + NGINX_ITSELF_MIB + WORKER_MIB * given["workers"] <= memory
    assert given["requests"] * 2 <= connections
    assert given["requests_per_client"] * 2 <= given["requests"]


@pytest.mark.parametrize("body", [64, 2048, BODY_KIB, DISK])
@pytest.mark.parametrize("spool", [16_384, 65_536, DISK])
def test_bodies_fit_where_they_are_kept(spool: int, body: int) -> None:
    given = limits(512, 2, spool, "plain", body)
    assert given["bodies"] * given["max_body"] <= spool
    assert given["bodies_per_client"] * 2 <= given["bodies"]
    assert given["bodies"] >= 4
    assert given["max_body"] == min(body, max(1024, spool * 3 // 16))


@pytest.mark.parametrize("headers", [4, 8, 12, 16, 100, 256])
def test_nginx_accepts_the_buffers(headers: int) -> None:
    """Busy buffers: at least one of either kind, at most all but one (ngx_http_proxy_module)."""
    given = limits(512, 2, DISK, "plain", headers=headers)
    assert max(headers, 8) <= given["busy"] <= (given["buffers"] - 1) * 8


CLIENTS = [
    ["192.0.2.1"],
    ["192.0.2.2"],
    ["2001:db8:5::1", "2001:db8:5::a:b", "2001:db8:5:0:1:2:3:4", "2001:db8:5:0:a0a:a0a:a0a:a0a"],
    ["2001:db8:5:1::1", "2001:db8:5:1:ffff:ffff:ffff:ffff"],
    ["a0a:a0a:a0a:a0a::1", "a0a:a0a:a0a:a0a:1:2:3:4"],
]
"""Addresses of which each group is one client: of IPv6 a network of 64 bits, which every subscriber has."""


def test_a_client_is_an_address_or_a_network_of_ipv6() -> None:
    text = (NGINX / "http.conf").read_text()
    (pattern,) = re.findall(r'map \$binary_remote_addr \$videa_address \{\n.*\n *"~(.*)" \$videa_n;', text)
    network = re.compile(pattern.replace("(?<", "(?P<").encode())

    def key(address: str) -> bytes:
        packed = ipaddress.ip_address(address).packed
        found = network.search(packed)
        return found["videa_n"] if found else packed

    keys = [{key(address) for address in client} for client in CLIENTS]
    assert [len(each) for each in keys] == [1] * len(CLIENTS)
    assert len(set.union(*keys)) == len(CLIENTS)


def of_map(source: str, value: str) -> str:
    """What the map of http.conf with this source makes of a value: the first expression that matches."""
    text = (NGINX / "http.conf").read_text()
    (lines,) = re.findall(rf'map "{re.escape(source)}" \$\w+ \{{\n(.*?)\n\}}', text, re.DOTALL)
    rules = re.findall(r'^ *"~(.*)" +(\w+);$', lines, re.MULTILINE)
    return str(next((result for pattern, result in rules if re.search(pattern, value)), ""))


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "GET", "M-SEARCH", "BASELINE_CONTROL"])
@pytest.mark.parametrize(
    ("coding", "length"), [("chunked", ""), ("Chunked", ""), ("", "10000"), ("", "0000000000000001900000")]
)
def test_an_announced_body_counts_whatever_the_method(method: str, coding: str, length: str) -> None:
    assert of_map("$request_method:$http_transfer_encoding:$http_content_length", f"{method}:{coding}:{length}")


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE", "PROPFIND", "M-SEARCH", "GET", "HEAD", "OPTIONS"])
def test_over_http_2_a_body_that_nothing_announces_counts_or_has_to_fit_the_buffer(method: str) -> None:
    counted = of_map("$request_method:$http_transfer_encoding:$http_content_length", f"{method}::")
    small = of_map("$server_protocol:$request_method:$http_content_length", f"HTTP/2.0:{method}:")
    assert bool(counted) != bool(small)
    (limit,) = re.findall(r"client_max_body_size (\w+);", (NGINX / "locations.conf").read_text())
    assert kib(limit) <= kib(directive("client_body_buffer_size"))


@pytest.mark.parametrize("request_line", ["HTTP/1.1:GET:", "HTTP/2.0:GET:0", "HTTP/1.0:HEAD:"])
def test_other_requests_stay_in_their_location(request_line: str) -> None:
    assert not of_map("$server_protocol:$request_method:$http_content_length", request_line)


def test_one_client_may_have_what_the_operator_says_but_never_all() -> None:
    given = limits(512, 2, DISK, "plain", REQUESTS_PER_CLIENT="100", BODIES_PER_CLIENT="100000")
    assert (given["requests_per_client"], given["bodies_per_client"]) == (100, given["bodies"] // 2)


def test_the_sizes_that_it_counts_with_are_those_of_the_configuration() -> None:
    number, size = directive("large_client_header_buffers").split()
    header = int(number) * kib(size) + 1  # client_header_buffer_size is 1k unless somebody changes it
    assert header + 3 <= CONNECTION_KIB["plain"]
    assert kib(directive("client_body_buffer_size")) == 16
    assert re.search(r"^proxy_buffers \$buffers 8k;", (NGINX / "settings.sh").read_text(), re.MULTILINE)
    assert directive("proxy_max_temp_file_size") == "0"


def test_the_defaults_of_the_image_are_those_of_x_videa() -> None:
    """The line in upstreams.conf has only what differs."""
    script = (NGINX / "settings.sh").read_text()
    (defaults,) = re.findall(r"^(max_body=.*)$", script, re.MULTILINE)
    assert dict(setting.split("=") for setting in defaults.split()) == values(Proxy())
    assert values(Proxy())["max_body"] == str(BODY_KIB)
    assert values(Proxy())["response_headers"] == str(HEADERS_KIB)


def test_the_stack_gives_memory_for_thousands_of_connections_and_keeps_bodies_on_a_volume() -> None:
    nginx = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["nginx"]
    memory = int(nginx["deploy"]["resources"]["limits"]["memory"].removesuffix("M"))
    given = limits(memory, 2, DISK, "plain")
    assert given["workers"] * given["connections"] > 4200
    assert "spool:/var/spool/videa" in nginx["volumes"]
