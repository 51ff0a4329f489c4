"""The proof: a token minted on each instance is replayed on every other, and the shared limit counter is observed.

The token is for user 0, who cannot sign in; it has no permissions and expires after 30 seconds. It is signed with the
secret in the instance's own environment, and passed between containers in the environment, never in arguments.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from ops.contract import ACCESS_SECRET, KEY_ID_SALT, LIMIT_LEFT, ME, TOKEN_AUDIENCE, TOKEN_ISSUER
from ops.doctor.facts_engine import ContainerFacts
from ops.doctor.facts_replicas import Proof
from ops.doctor.skip import BrokenOff, Skip
from ops.errors import VideaError
from ops.platform.ports import Platform

LIFE = 30
MOST = 20
"""Maximum number of tested instances, because the number of requests grows with its square."""

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
    """Mints a token on each running replica, and replays it on all from nginx's container. Raises EngineError, Skip."""
    running = sorted((replica for replica in replicas if replica.running), key=lambda replica: replica.number)[:MOST]
    if nginx is None or not nginx.running or not running:
        raise Skip("no replica is running, or no nginx to query from")
    with ThreadPoolExecutor(4) as pool:
        minted = dict(
            zip(
                (replica.name for replica in running),
                pool.map(lambda replica: _mint(platform, replica), running),
                strict=True,
            )
        )
    tokens = {name: token for name, token in minted.items() if token}
    if not tokens:
        raise Skip(f"no replica could mint a token: it needs python and {ACCESS_SECRET}")
    names = [replica.name for replica in running]
    answer = platform.exec(
        nginx.name,
        ["sh", "-c", _REPLAY, "videa-doctor", *(f"{name}:{port}" for name in names)],
        environment={"TOKENS": " ".join(tokens.values())},
    )
    return read(list(tokens), names, answer.output)


def read(minters: list[str], replayers: list[str], output: str) -> Proof:
    """The matrix of statuses, and the remaining limit after each accepted request, in order. Raises Skip."""
    lines = output.splitlines()
    if len(lines) != len(minters) * len(replayers):
        raise BrokenOff(f"the replay ended early: {output[-200:].strip()}")
    if all(line.startswith("404") for line in lines):
        raise Skip(f"the service has no {ME} to test a token with")
    matrix: dict[str, dict[str, int]] = {}
    remaining: list[tuple[str, int]] = []
    for index, line in enumerate(lines):
        minter, replayer = minters[index // len(replayers)], replayers[index % len(replayers)]
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
