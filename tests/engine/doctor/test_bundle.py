"""Canary secrets are planted wherever a secret can be; none is in the bundle, which tells the same offline."""

from __future__ import annotations

import json
import re
import tarfile
from pathlib import Path

from tests.engine.conftest import SECRETS
from tests.engine.doctor.conftest import Patient
from tests.unit.ops.redaction.markers import KNOWN, MARK, PLANTED, WRITTEN

PLANTED_OR_CANARY = re.compile(rf"CANARY|{MARK}", re.IGNORECASE)
STATEMENTS = (
    "ALTER ROLE nobody_at_all PASSWORD 'CANARY-0032'",
    "SELECT 'CANARY-0033'::integer",
    "CREATE USER nobody_at_all PASSWORD 'CANARY-0034' IN ROLE none_such",
    "SELECT dblink_connect('host=db password=CANARY-0035')",
)
"""Each fails, so that PostgreSQL's log has it."""
LOGGED = (
    "Authorization: Bearer CANARY-0001-aaaaaaaa",
    "postgresql://app:CANARY-0002@db:5432/x",
    '{"level":"info","password":"CANARY-0003"}',
    "GET /reset?token=CANARY-0004&x=1",
    "login of CANARY-0005@example.org",
    "eyJhbGciOiJIUzI1NiJ9.CANARY-0006.CANARY-0006",
    "-----BEGIN PRIVATE KEY----- CANARY-0007 -----END PRIVATE KEY-----",
    "host=db password=CANARY-0008 user=x",
    "Set-Cookie: session_id=CANARY-0009; Path=/",
    "redis://:CANARY-0010@redis:6379",
    "api_key: CANARY-0011",
    "Basic CANARY0012CANARY0012==",
    "https://CANARY-0013@sentry.example/1",
    "pushed with ghp_CANARY00140014",
    "client_secret=CANARY-0015",
)
VARIABLES = {
    "DB_PASSWORD": "CANARY-0016",
    "STRIPE_SECRET": "CANARY-0017",
    "SOME_TOKEN": "CANARY-0018",
    "OTHER_URL": "amqp://user:CANARY-0019@mq:5672/",
    "SESSION_SALT": "CANARY-0020",
    "PLAIN": "CANARY0021a8f5f167f44f4964e6c998dee8",
    "SMTP_AUTH": "CANARY-0022",
    "GITHUB_WEBHOOK": "CANARY-0023",
    "SIGNING_KEY": "CANARY-0024",
    "COOKIE": "CANARY-0025",
}


def test_no_secret_is_in_the_bundle_and_it_replays(patient: Patient, tmp_path: Path) -> None:
    stack = patient.stack
    for line in LOGGED:
        patient.exec("nginx", f"echo '{line}' > /proc/1/fd/1")
    # Known by its value: an environment's secret that a log shows without any hint.
    patient.exec("nginx", "echo 'it said CANARY-0016 and CANARY-0024' > /proc/1/fd/2")
    env_file = stack.directory / ".env"
    kept = env_file.read_text()
    env_file.write_text(kept + "EXTRA_API_KEY=CANARY-0026\n")
    patient.exec("nginx", "echo 'CANARY-0026' > /proc/1/fd/2")
    options = [item for name, value in VARIABLES.items() for item in ("--env", f"{name}={value}")]
    labels = ("--label", "traefik.users=admin:$apr1$CANARY-0027$x", "--label", "app.token=CANARY-0028")
    for statement in STATEMENTS:
        patient.exec("postgres", f'psql -X -U "$POSTGRES_USER" -c "{statement}" || true')
    # A sidecar that prints all of the unit test's texts, which are words of its command too.
    lines = (*PLANTED, *(f"it said {text} to somebody" for text in WRITTEN.values()))
    options += ["--env", f"OTHER_SECRET={KNOWN}"]
    script = 'for line in "$@"; do printf "%s\\n" "$line"; done; sleep 300'
    command = ("sh", "-c", script, "sidecar", "--requirepass", "CANARY-0029", "--token=CANARY-0030", *lines)
    oneoff = stack.compose("run", "--detach", "--no-deps", *options, *labels, "backend", *command).split()[-1]
    target = tmp_path / "sick.tar.gz"
    try:
        with patient.session("BEGIN; SELECT 'CANARY-0031';", "state = 'idle in transaction'"):
            made = stack.videa("doctor", "--json", "--bundle", str(target))
    finally:
        stack.docker("rm", "--force", oneoff)
        env_file.write_text(kept)
    assert made.returncode in (0, 2), made.stderr
    with tarfile.open(target) as archive:
        contents = {name: archive.extractfile(name) for name in archive.getnames()}
        texts = {name: file.read().decode() for name, file in contents.items() if file}
    leaks = [
        f"{name}: {text[max(0, found.start() - 60) : found.end() + 30]}"
        for name, text in texts.items()
        for found in PLANTED_OR_CANARY.finditer(text)
    ]
    assert leaks == []
    assert not [(name, way) for name, text in texts.items() for way, said in WRITTEN.items() if said[4:12] in text]
    (sidecar,) = [name for name in texts if "-backend-run-" in name]
    assert texts[sidecar].count("it said <hidden-") >= len(WRITTEN) - 3  # base64 may begin with another's letters
    assert texts["containers.json"].count("it said <hidden-") >= len(WRITTEN) - 3
    assert "PASSWORD '<hidden-" in texts[f"logs/{stack.project}-postgres-1.log"]
    for name in SECRETS:
        (secret,) = [line.partition("=")[2] for line in kept.splitlines() if line.startswith(f"{name}=")]
        assert not [file for file, text in texts.items() if secret in text]
    assert "Bearer <hidden-" in texts[f"logs/{stack.project}-nginx-1.log"]
    offline = stack.videa("doctor", "--json", "--from", str(target), DOCKER_HOST="unix:///nonexistent.sock")
    there, here = json.loads(made.stdout), json.loads(offline.stdout)
    assert [(one["id"], one["severity"], one["cause"]) for one in here["findings"]] == [
        (one["id"], one["severity"], one["cause"]) for one in there["findings"]
    ]
    assert offline.returncode == made.returncode


def test_what_is_no_bundle_is_refused(patient: Patient, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.tar.gz"
    wrong.write_bytes(b"nothing of the kind")
    refused = patient.stack.videa("doctor", "--from", str(wrong))
    assert refused.returncode == 3
    assert "not a bundle" in refused.stderr
