"""Notifications with a real receiver that is down for a while, an agent that is killed meanwhile, and the doctor."""

from __future__ import annotations

import json
import re
import subprocess
import zlib
from base64 import b64decode
from collections.abc import Iterator

import pytest

from tests.engine.conftest import LiveStack
from tests.unit.ops.notify.receiver import Receiver

SECTION = """
x-videa:
  notify: {pager: {webhook: PAGER_URL, key: PAGER_KEY, events: [replica.*, scale.*, doctor.*]}}
"""


@pytest.fixture
def notifying(stack: LiveStack) -> Iterator[LiveStack]:
    """The stack with a target in x-videa, which the agent knows from the engine."""
    (stack.directory / "notify-test.yml").write_text(SECTION)
    kept = next(
        line.partition("=")[2] for line in (stack.directory / ".env").read_text().splitlines() if "COMPOSE_FILE" in line
    )
    with stack.env(COMPOSE_FILE=f"{kept}:notify-test.yml"):
        stack.done("up")
        yield stack
    stack.done("up")


def agent_of(stack: LiveStack, receiver: Receiver, *more: str) -> subprocess.Popen[str]:
    """The agent without a container. It has its secrets from its environment."""
    variables = {"PAGER_URL": receiver.url, "PAGER_KEY": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
    log = stack.directory / "agent.log"
    with log.open("a") as output:
        options = {"stdout": output, "stderr": output}
        agent = stack.start_videa("--project", stack.project, "agent", *more, options=options, **variables)

    def runs() -> bool:
        assert agent.poll() is None, log.read_text()
        return bool(json.loads(stack.done("notify", "status", "--json"))["agent"])

    try:
        stack.until(runs, 120)
    except AssertionError as error:
        agent.kill()
        agent.wait()
        raise AssertionError(log.read_text()) from error
    return agent


def sql(stack: LiveStack, statement: str) -> None:
    stack.exec("postgres", "sh", "-c", f'psql -XAtq -U "$POSTGRES_USER" -c "{statement}"')


def test_nothing_is_lost_and_the_doctor_tells_once_what_is_new_and_what_is_gone(notifying: LiveStack) -> None:
    """The receiver is down and the agent is killed meanwhile; the second agent also runs the doctor."""
    stack, receiver = notifying, Receiver()

    def told() -> list[str]:
        """What the doctor says of the slot; a busy machine shows other things by itself."""
        return [each.json["type"] for each in receiver.got if "pg.slot_inactive" in each.json["data"]["text"]]

    with receiver.up():
        pass
    agent = agent_of(stack, receiver)
    try:
        failed = stack.videa("notify", "test")
        assert (failed.returncode, failed.stdout) == (1, "pager: no connection\n")
        frozen = min(stack.replicas())
        stack.docker("pause", frozen)
        stack.until(lambda: frozen not in stack.listed())
        agent.kill()
        agent.wait()
        stack.docker("unpause", frozen)
        stack.done("scale", "3")  # also returns the replica
        stack.done("scale", "2")
        stack.docker("rm", "--force", f"videa.watcher.{stack.project}")  # it would be valid for 30 s more
        sql(stack, "SELECT pg_create_physical_replication_slot('nobody', true)")
        with receiver.up():
            agent = agent_of(stack, receiver, "--doctor", "10s")
            wanted = {"replica.out", "replica.back", "scale.passed"}
            stack.until(lambda: wanted <= {each.json["type"] for each in receiver.got}, 120)
            stack.until(lambda: not json.loads(stack.done("notify", "status", "--json"))["queue"])
            test = stack.start_videa("notify", "test")
            stack.until(lambda: told() == ["doctor.new"], 120)
            assert test.communicate()[0] == "pager: delivered\n"
            sql(stack, "SELECT pg_drop_replication_slot('nobody')")
            stack.until(lambda: len(told()) > 1, 120)
    finally:
        agent.terminate()
        agent.wait(30)
        sql(stack, "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = 'nobody'")
    assert told() == ["doctor.new", "doctor.gone"]
    by_id = {each.id: each.json["type"] for each in receiver.got if not each.json["type"].startswith("doctor.")}
    assert sorted(by_id.values()) == ["replica.back", "replica.out", "scale.passed", "scale.passed", "test"]
    labels = stack.docker("volume", "ls", "--filter", "label=videa.document", "--format", "{{.Labels}}")
    stored = [zlib.decompress(b64decode(each)) for each in re.findall(r"videa\.document\.zlib=([^,\s]+)", labels)]
    assert any(b"PAGER_URL" in each for each in stored)
    assert not any(b"verysecret" in each for each in stored)
