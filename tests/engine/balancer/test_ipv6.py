"""What compose/ipv6.yml is for: clients that come by IPv6 have addresses of their own."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from docker.types import IPAMConfig, IPAMPool

from ops.engine.client import Engine
from tests.engine.balancer.conftest import new_bench


@pytest.mark.skipif(not Path("/proc/net/if_inet6").exists(), reason="this kernel has no IPv6")
def test_clients_on_a_network_with_ipv6_have_their_own_address(engine: Engine, nginx_image: str) -> None:
    pool = IPAMPool(subnet=f"fd5a:1c3e:{os.getpid() & 0xFFFF:x}::/64")
    with new_bench(engine, nginx_image, enable_ipv6=True, ipam=IPAMConfig(pool_configs=[pool])) as bench:
        bench.start_nginx()
        bench.start("one")
        bench.nginx.reload()
        bench.replicas["one"].reload()
        client, nginx = (
            str(each.attrs["NetworkSettings"]["Networks"][bench.network.name]["GlobalIPv6Address"])
            for each in (bench.replicas["one"], bench.nginx)
        )
        program = f"from urllib.request import urlopen; urlopen('http://[{nginx}]:8080/by-ipv6').read()"
        bench.until(lambda: bench.engine.exec(bench.replicas["one"].id, ["python3", "-c", program]).ok)
        bench.until(lambda: b"by-ipv6" in bench.nginx.logs())
        lines = [line for line in bench.nginx.logs().decode().splitlines() if "by-ipv6" in line]
    assert all(client in line for line in lines), lines
