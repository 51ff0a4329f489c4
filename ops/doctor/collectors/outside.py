"""PostgreSQL and Redis outside the project: queried from a replica, which can reach them and has the passwords.

The URL is read from the replica's own environment and never leaves it. The replica needs Python with psycopg2 and
redis, as in the backend's image; without them the source is skipped.
"""

from __future__ import annotations

import json

from msgspec.structs import replace

from ops.contract import DATABASE, POOL_PARAMETERS, REDIS
from ops.doctor.collectors import postgres, redis
from ops.doctor.collectors.postgres_sql import ABOUT, GAP, PLAN
from ops.doctor.facts_engine import ContainerFacts
from ops.doctor.facts_postgres import PostgresFacts
from ops.doctor.facts_redis import RedisNode
from ops.doctor.refusals import refused_by_redis
from ops.doctor.skip import Skip
from ops.models import ExecResult
from ops.platform.ports import Platform

TIMEOUT = 6
"""Seconds for connecting and querying."""

_NO_CLIENT = 127
_REFUSED = 3
_PLAN = "VIDEA_PLAN"
_NODE = "@videa@"

_ASK_POSTGRES = f"""
import json, os, sys, time
from urllib.parse import parse_qsl, urlencode, urlsplit
try:
    import psycopg2
except ImportError as error:
    print(error)
    sys.exit({_NO_CLIENT})
url = urlsplit(os.environ["{DATABASE}"])
# These parameters are for the pool; libpq refuses unknown parameters.
known = [(key, value) for key, value in parse_qsl(url.query) if key not in {POOL_PARAMETERS}]
options = "-c statement_timeout=3000 -c lock_timeout=500"
try:
    connection = psycopg2.connect(
        url._replace(query=urlencode(known)).geturl(),
        connect_timeout=3, application_name="videa-doctor", options=options,
    )
except psycopg2.Error as error:
    print(error)
    sys.exit({_REFUSED})
connection.autocommit = True
cursor = connection.cursor()
plan = json.loads(os.environ["{_PLAN}"])
cursor.execute(plan["about"])
moved, statements = cursor.fetchone()
wanted = {{"always": True, "moved": moved, "not moved": not moved, "statements": statements}}
for when, statement in plan["plan"]:
    if when == "pause":
        time.sleep(plan["gap"])
    elif wanted[when]:
        try:
            cursor.execute(statement)
            print(json.dumps(cursor.fetchone()[0]))
        except psycopg2.Error as error:
            print(str(error).splitlines()[0])
            if connection.closed:
                sys.exit({_REFUSED})
"""

_ASK_REDIS = f"""
import os, sys, time
from urllib.parse import unquote, urlsplit
try:
    import redis
except ImportError as error:
    print(error)
    sys.exit({_NO_CLIENT})
url = urlsplit(os.environ["{REDIS}"])
kind = redis.SSLConnection if url.scheme.startswith("rediss") else redis.Connection
user, password = (unquote(part) if part else None for part in (url.username, url.password))
def ask(connection, *command):
    connection.send_command(*command)
    try:
        answer = connection.read_response()
    except redis.ResponseError as error:
        return str(error)
    if isinstance(answer, list):
        return str(answer[0][0]) if answer else ""
    return answer.decode()
answers, connections = {{}}, {{}}
for sample in range(2):
    if sample:
        time.sleep({GAP})
    for place in url.netloc.rpartition("@")[2].split(","):
        host, _, port = place.rpartition(":")
        if sample and place not in connections:
            continue
        try:
            if not sample:
                node = kind(
                    host=host or place, port=int(port) if host else 6379,
                    username=user, password=password, socket_timeout=2, socket_connect_timeout=2,
                )
                node.connect()
                connections[place] = node
            node = connections[place]
            extra = ["slowlog", ask(node, "SLOWLOG", "GET", "1"), "cluster", ask(node, "CLUSTER", "INFO")]
            answers[place] = answers.get(place, []) + [ask(node, "INFO"), *extra]
        except (redis.RedisError, OSError) as error:
            answers[place] = answers.get(place, []) + ["error " + str(error)]
for place, lines in answers.items():
    print("{_NODE}" + place, *lines, sep="\\n")
"""


def postgres_facts(platform: Platform, location: str, replica: ContainerFacts | None) -> PostgresFacts:
    """Queries the server in the replica's DATABASE_URL. Raises EngineError and Skip."""
    plan = json.dumps({"about": ABOUT, "gap": GAP, "plan": PLAN})
    answer = _run(platform, replica, _ASK_POSTGRES, {_PLAN: plan})
    sections = postgres.read_sections(answer.output)
    if "server" in sections:
        return replace(postgres.read(location, "", sections), broken_off=postgres.broken_off(answer))
    return postgres.refused(location, "", answer)


def redis_nodes(platform: Platform, locations: list[str], replica: ContainerFacts | None) -> list[RedisNode]:
    """Queries every node in the replica's REDIS_URL. Raises EngineError and Skip."""
    nodes = read_nodes(_run(platform, replica, _ASK_REDIS, {}).output)
    return nodes or [
        RedisNode(location, location, up=False, error=f"no answer within {TIMEOUT} s") for location in locations
    ]


def read_nodes(output: str) -> list[RedisNode]:
    """The nodes in the script's output; the name of each is "host:port"."""
    return [_node(*part.split("\n", 1)) for part in output.split(_NODE)[1:]]


def _node(location: str, output: str) -> RedisNode:
    samples = redis.read(output)
    name = location.strip()
    errors = [line.removeprefix("error ")[:300] for line in output.splitlines() if line.startswith("error ")]
    if not samples:
        error = (errors or ["no answer"])[0]
        return RedisNode(name, name, up=False, error=error, denied=refused_by_redis(error))
    broken_off = "".join(errors[:1])
    return RedisNode(name, name, up=True, info=samples[-1], earlier=samples[0], gap=GAP, broken_off=broken_off)


def _run(platform: Platform, replica: ContainerFacts | None, script: str, environment: dict[str, str]) -> ExecResult:
    if replica is None:
        raise Skip("it is outside this project, and no replica is running to query it from")
    command = ["timeout", str(TIMEOUT), "python", "-c", script]
    answer = platform.exec(replica.name, command, environment=environment)
    if answer.code not in (0, _REFUSED, postgres.TIMED_OUT):
        last = answer.output.strip().rpartition("\n")[2]
        raise Skip(f"it is outside this project, and {replica.name} cannot query it: {last[:200]}")
    return answer
