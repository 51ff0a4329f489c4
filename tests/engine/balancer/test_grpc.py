"""A service that speaks gRPC, in front of a real nginx: what is a call goes to it by HTTP/2."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace

from tests.engine.balancer.conftest import Bench

H2 = "curl -s --http2-prior-knowledge -o /dev/null -w '%{http_version} %{http_code}' http://127.0.0.1:8080/a.B/C"
"""Without TLS, as clients of gRPC begin."""


def test_calls_go_to_the_replicas_by_http2_and_nothing_else_does(bench: Bench) -> None:
    def asked(command: str) -> str:
        return bench.engine.exec(bench.nginx.id, shlex.split(command)).output

    def log() -> str:
        return bench.balancer.log_tail(20).decode()

    def serve(grpc: bool) -> None:
        bench.balancer.apply(replace(bench.upstream("one"), grpc=grpc))
        assert bench.balancer.wait_drained(60) == ()

    serve(grpc=True)
    assert bench.get("/")[0] == 415
    assert asked(H2) == "2 415"
    # The replicas of these tests answer by HTTP/1.1, which is no answer to a call: it was sent to one of them.
    assert asked(f"{H2} -H 'content-type: application/grpc' --data x") == "2 502"
    bench.until(lambda: re.search(r'"method":"POST","path":"/a.B/C","upstream":"[0-9.]+:3001', log()) is not None)
    serve(grpc=False)
    assert bench.get("/")[0] == 200
    assert not asked(H2).startswith("2 ")
