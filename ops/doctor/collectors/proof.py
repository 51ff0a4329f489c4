"""Proof by doing: a token minted on each instance is replayed on every other, and a shared counter is watched.

The token is of user 0, whom nobody can sign in as, has no rights and lives for half a minute. It is made from the
secret in the instance's own environment, and goes from container to container in environments, never in arguments.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from ops.contract import ACCESS_SECRET, KEY_ID_SALT, LIMIT_LEFT, ME, TOKEN_AUDIENCE, TOKEN_ISSUER
from ops.doctor.facts import ContainerFacts, Proof
from ops.doctor.skip import Skip
from ops.errors import VideaError
from ops.platform.ports import Platform

LIFE = 30
MOST = 20
"""Instances that are put to the proof; beyond that the requests would grow with the square of their number."""

_MINT = f"""
import base64, hashlib, hmac, json, os, time
secret = os.environ["{ACCESS_SECRET}"].split(",")[0].strip().encode()
code = lambda data: base64.urlsafe_b64encode(data).rstrip(b"=")
now = int(time.time())
kid = hmac.new(secret, b"{KEY_ID_SALT}", hashlib.sha256).hexdigest()[:8]
claims = {{"sub": "0", "role": "user", "iat": now, "nbf": now, "exp": now + {LIFE}}}
claims |= {{"iss": "{TOKEN_ISSUER}", "aud": "{TOKEN_AUDIENCE}"}}
head = {{"alg": "HS256", "typ": "JWT", "kid": kid}}
body = b".".join(code(json.dumps(part).encode()) for part in (head, claims))
print((body + b"." + code(hmac.new(secret, body, hashlib.sha256).digest())).decode())
"""

_REPLAY = f"""
for token in $TOKENS; do
  for replica in "$@"; do
    printf 'header = "Authorization: Bearer %s"\\n' "$token" |
      curl -s -K - -m 2 -o /dev/null -w '%{{http_code}} %header{{{LIMIT_LEFT}}}\\n' "http://$replica{ME}"
  done
done
"""


def consistency_proof(
    platform: Platform, nginx: ContainerFacts | None, replicas: list[ContainerFacts], port: int
) -> Proof:
    """Mints on each running replica, replays on all from nginx's container. Raises EngineError, and Skip."""
    running = sorted((one for one in replicas if one.running), key=lambda one: one.number)[:MOST]
    if nginx is None or not nginx.running or not running:
        raise Skip("no replica, or no nginx to ask from")
    with ThreadPoolExecutor(4) as pool:
        minted = dict(
            zip((one.name for one in running), pool.map(lambda one: _mint(platform, one), running), strict=True)
        )
    tokens = {name: token for name, token in minted.items() if token}
    if not tokens:
        raise Skip(f"no replica could mint a token: it needs python and {ACCESS_SECRET}")
    names = [one.name for one in running]
    answer = platform.exec(
        nginx.name,
        ["sh", "-c", _REPLAY, "videa-doctor", *(f"{name}:{port}" for name in names)],
        environment={"TOKENS": " ".join(tokens.values())},
    )
    return read(list(tokens), names, answer.output)


def read(minters: list[str], replayers: list[str], output: str) -> Proof:
    """The matrix of statuses, and what each accepted request left of the shared limit, in order. Raises Skip."""
    lines = output.splitlines()
    if len(lines) != len(minters) * len(replayers):
        raise Skip(f"the replay ended early: {output[-200:].strip()}")
    if all(line.startswith("404") for line in lines):
        raise Skip(f"the service has no {ME} that a token could be tried on")
    matrix: dict[str, dict[str, int]] = {}
    remaining: list[tuple[str, int]] = []
    for place, line in enumerate(lines):
        minter, replayer = minters[place // len(replayers)], replayers[place % len(replayers)]
        status, _, left = line.strip().partition(" ")
        matrix.setdefault(minter, {})[replayer] = int(status)
        if status == "200" and left.isdecimal():
            remaining.append((replayer, int(left)))
    return Proof(matrix, remaining)


def _mint(platform: Platform, replica: ContainerFacts) -> str:
    try:
        answer = platform.exec(replica.name, ["python3", "-S", "-c", _MINT])
    except VideaError:
        return ""
    return answer.output.strip() if answer.ok else ""
