"""What is secret goes, wherever it stands; what is not stays."""

from __future__ import annotations

import pytest

from ops.doctor.redact import Redactor, looks_random, secrets_in

HEADER = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"


@pytest.fixture
def redactor() -> Redactor:
    return Redactor(b"key of this bundle")


@pytest.mark.parametrize(
    "text",
    [
        "postgresql://app:CANARY@db:5432/app?connection_limit=5",
        "redis://:CANARY@redis:6379/0",
        "https://CANARY@sentry.example/3",
        "Authorization: Bearer CANARYCANARY",
        "authorization: basic CANARYCANARY==",
        f"token was {HEADER}.CANARY.CANARY",
        "-----BEGIN PRIVATE KEY-----\nCANARY\nCANARY\n-----END PRIVATE KEY-----",
        "-----BEGIN RSA PRIVATE KEY-----\nCANARY cut off",
        "host=db user=app password=CANARY dbname=app",
        "host=db password='CANARY two' dbname=app",
        '{"level":"info","password":"CANARY"}',
        '{"body":"{\\"refresh_token\\":\\"CANARY\\"}"}',
        "GET /reset?token=CANARY&page=2 HTTP/1.1",
        "Set-Cookie: session_id=CANARY; Path=/",
        "redis-server --requirepass CANARY --port 6379",
        "--password=CANARY",
        "mail to CANARY@example.org failed",
        "AKIACANARYCANARY1234",
        "admin:$apr1$CANARY$hash",
        "api_key: CANARY",
        "DB_PASSWORD=CANARY",
        "x-api-key=CANARY",
        "remote: https://oauth2:CANARY@git.example.org/x.git",
        "pushed with ghp_CANARYCANARY0123",
        "argon2: $argon2id$v=19$m=65536,t=3,p=4$CANARY",
    ],
)
def test_texts(redactor: Redactor, text: str) -> None:
    shown = redactor.text(text)
    assert "CANARY" not in shown
    assert "<hidden-" in shown


@pytest.mark.parametrize(
    "text",
    [
        "12 checks in 0.2 s",
        "http://127.0.0.1:8080/health/live",
        '{"level":"info","route":"/api/v1/titles/{id}","status":200,"count":12}',
        "upstream: 10.0.0.3:3001, 10.0.0.2:3001",
        "proxy_set_header X-Request-ID $videa_request_id;",
    ],
)
def test_ordinary_texts_stay_as_they_are(redactor: Redactor, text: str) -> None:
    assert redactor.text(text) == text


def test_a_configuration_by_its_keys(redactor: Redactor) -> None:
    shown = redactor.tree(
        {
            "environment": {
                "JWT_ACCESS_SECRET": "short",
                "PORT": "3001",
                "LICENSE": "a8f5f167f44f4964e6c998dee827110c",
            },
            "command": ["redis-server", "--requirepass", "pw", "--port", "6379"],
            "replicas": 2,
        }
    )
    assert shown["environment"]["PORT"] == "3001"
    assert shown["environment"]["JWT_ACCESS_SECRET"].startswith("<hidden-")
    assert shown["environment"]["LICENSE"].startswith("<hidden-")
    assert shown["command"][2].startswith("<hidden-")
    assert shown["command"][3:] == ["--port", "6379"]
    assert shown["replicas"] == 2


def test_known_secrets_are_found_in_any_place_and_equal_ones_are_seen_to_be_equal(redactor: Redactor) -> None:
    redactor.learn(
        secrets_in({"DATABASE_URL": "postgresql://app:s3cret-value@db/app", "JWT_SECRET": "new-key,old-key"})
    )
    shown = redactor.text("s3cret-value s3cret-value old-key")
    first, second, other = shown.split()
    assert first == second == redactor.token("s3cret-value")
    assert other == redactor.token("old-key")
    assert Redactor(b"another").token("x") != redactor.token("x")


def test_redacting_twice_changes_nothing(redactor: Redactor) -> None:
    once = redactor.text("postgresql://app:CANARY@db/app password=CANARY Bearer abcdefgh.ijk")
    assert redactor.text(once) == once


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a8f5f167f44f4964e6c998dee827110c", True),
        ("production", False),
        ("postgres://db:5432/videa-production-1", False),
        ("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1", False),
    ],
)
def test_what_looks_like_a_generated_key(value: str, expected: bool) -> None:
    assert looks_random(value) is expected
