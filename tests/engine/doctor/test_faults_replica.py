"""Faults of single replicas: ill in a way that their own health does not tell, hanging, or left out by nginx."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import partial

from ops.doctor.collect import collect
from ops.doctor.sources import BALANCER
from ops.factory import open_stack
from tests.engine.client import under_load
from tests.engine.conftest import make_image
from tests.engine.doctor.conftest import Patient, finding, found

HALF_ILL = r"""
USER root
RUN printf '%s\n' \
    'import os, signal, socket, struct, time' \
    'from email.utils import formatdate' \
    'from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer' \
    'ill = []' \
    'signal.signal(signal.SIGUSR1, lambda *_: ill.append(True))' \
    'signal.signal(signal.SIGTERM, lambda *_: os._exit(0))' \
    'class Handler(BaseHTTPRequestHandler):' \
    '    def date_time_string(self, timestamp=None):' \
    '        return formatdate(time.time() + 30, usegmt=True)' \
    '    def do_GET(self):' \
    '        if not ill or self.path.startswith("/health"):' \
    '            self.send_response(200)' \
    '            self.end_headers()' \
    '        else:' \
    '            linger = struct.pack("ii", 1, 0)' \
    '            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)' \
    '            self.connection.close()' \
    'ThreadingHTTPServer(("", 3001), Handler).serve_forever()' > /half_ill.py
USER 10001:10001
CMD ["python", "/half_ill.py"]
"""
"""Half a minute ahead of time. After SIGUSR1 it still says that it is well, and resets all other connections."""

UPSTREAMS = "/etc/nginx/videa/upstreams.conf"


@contextmanager
def upstreams(patient: Patient, edit: str) -> Iterator[None]:
    """nginx with its list of replicas changed by hand, with this command of sed."""
    swap = f"cp {UPSTREAMS} /tmp/kept && sed '{edit}' /tmp/kept > {UPSTREAMS} && nginx -e stderr -s reload"
    patient.exec("nginx", swap)
    try:
        yield
    finally:
        patient.exec("nginx", f"cp /tmp/kept {UPSTREAMS} && nginx -e stderr -s reload")


def test_a_replica_that_resets_connections_and_whose_clock_is_wrong(patient: Patient) -> None:
    with patient.by_hand(BACKEND_IMAGE=make_image(HALF_ILL), VIDEA_RELEASE="by-hand") as ill:
        patient.stack.docker("kill", "--signal", "USR1", ill)
        address = "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}"
        addresses = patient.stack.docker("inspect", "--format", address, ill).split()
        listed = f"0,/least_conn;/s//least_conn;\\n        server {ill}:3001 resolve max_fails=0;/"
        with upstreams(patient, listed):
            # nginx takes it in turn with the others, so that one request in three meets it.
            patient.stack.until(lambda: set(patient.ask(30)) == {200} and retried(patient, addresses) >= 3)
            report = patient.examine("lb.ejecting")
            patient.mend(finding(report, "lb.ejecting"), line=1)
            again = patient.examine("lb.ejecting")
    assert found(report) == {"lb.ejecting", "host.clock", "ctr.image_skew", "lb.config"}
    by_id = {each.id: each for each in report.findings}
    assert by_id["app.version_skew"].cause == "ctr.image_skew"
    assert ill in by_id["lb.ejecting"].title
    assert "lb.ejecting" not in {each.id for each in again.findings}
    assert by_id["host.clock"].severity == "fail"


def retried(patient: Patient, addresses: list[str]) -> int:
    """How many of the last requests nginx had to send to another replica than the one with these addresses."""
    lines = patient.stack.docker("logs", "--tail", "200", f"{patient.stack.project}-nginx-1").splitlines()
    tried = [line.partition('"upstream":"')[2].partition('"')[0].split(", ")[:-1] for line in lines]
    return sum(1 for servers in tried if {server.rpartition(":")[0] for server in servers} & set(addresses))


def test_a_ready_replica_that_nginx_was_told_to_leave_out(patient: Patient) -> None:
    (first, *_) = patient.stack.replicas()
    with upstreams(patient, f"s/server {first}:3001 resolve/& down/"):
        patient.stack.until(lambda: first not in reached(patient))
        report = patient.examine()
    assert found(report) == {"lb.config"}
    by_hand, starved = report.findings
    assert f"added: upstream app: server {first}:3001 resolve down" in by_hand.evidence
    assert (starved.id, starved.cause) == ("lb.starved", "lb.config")
    assert first in starved.title


def test_on_a_busy_stack_requests_of_users_stand_in_for_probes(patient: Patient) -> None:
    (first, *_) = patient.stack.replicas()
    with under_load(patient.stack.url, rate=100):
        well = patient.examine()
        with upstreams(patient, f"s/server {first}:3001 resolve/& down/"):
            patient.stack.until(lambda: first not in reached(patient))
            starved = patient.examine()
    assert found(well) == set()
    assert well.facts.balancer is not None
    assert well.facts.balancer.probes == 0
    assert set(well.facts.balancer.seen) == set(patient.stack.replicas())
    assert [one.id for one in starved.findings] == ["lb.config", "lb.starved"]


def reached(patient: Patient) -> Collection[str]:
    """The replicas that nginx reaches, as the doctor sees it: by requests of the last seconds, else by probes."""
    facts = collect(patient.project, partial(open_stack, patient.project), only=(BALANCER,))
    assert facts.balancer is not None
    return {*facts.balancer.seen, *facts.balancer.answers}


def test_servers_and_a_replica_that_hang_are_all_named_and_the_rest_reported(patient: Patient) -> None:
    """Stopped where they stand: connections are made, nobody answers. A paused container refuses at once."""
    (first, *_) = patient.stack.replicas()
    hanging = (f"{patient.stack.project}-redis-1", first)
    postgres = "kill -{} $(head -n 1 /var/lib/postgresql/data/postmaster.pid)"  # it has an init process above it
    patient.exec("postgres", postgres.format("STOP"))
    patient.stack.docker("kill", "--signal", "STOP", *hanging)
    try:
        report = patient.examine(start_time=1.0)  # the stack of the test run may be younger than doctor asks for
    finally:
        patient.stack.docker("kill", "--signal", "CONT", *hanging)
        patient.exec("postgres", postgres.format("CONT"))
    fails = {each.id: each for each in report.findings if each.severity == "fail"}
    assert {"pg.down", "redis.down", "ctr.unhealthy"} <= set(fails)
    assert fails["ctr.unhealthy"].subject == first
    assert fails["redis.down"].fix.startswith("docker compose restart redis")
    assert {"lb.config", "ctr.oom", "deploy.stuck"} <= set(report.checked)
