from __future__ import annotations

import pytest

from server.parsers import Limit
from server.settings import DEFAULT_LIMITS, Settings, SettingsError, load_settings, parse_database_url

MINIMAL = {"DATABASE_URL": "postgresql://videa:s3cret@db:5432/videa", "INSTANCE_ID": "one"}


SECRETS = {"JWT_ACCESS_SECRET": "0123456789abcdef" * 2, "JWT_REFRESH_SECRET": "fedcba9876543210" * 2}


def load(**changes: str) -> Settings:
    return load_settings(MINIMAL | changes)


def test_only_the_database_is_required() -> None:
    settings = load()
    assert (settings.port, settings.environment, settings.release) == (3001, "development", "unreleased")
    assert settings.database.connection_limit == 5
    with pytest.raises(SettingsError, match="DATABASE_URL is not set"):
        load_settings({})


def test_our_limits_are_taken_out_of_the_url_and_libpqs_stay() -> None:
    settings = parse_database_url("postgres://u:p@h/d?connection_limit=3&sslmode=require&pool_timeout=1.5")
    assert (settings.connection_limit, settings.pool_timeout) == (3, 1.5)
    assert settings.url == "postgresql://u:p@h/d?sslmode=require"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://u:hunter2@h/d"),
        ("DATABASE_URL", "postgresql://u:hunter2@h"),
        ("DATABASE_URL", "postgresql://u:hunter2@h/d?connection_limit=0"),
        ("DATABASE_URL", "postgresql://u:hunter2@h/d?pool_timeout=soon"),
        ("DATABASE_URL", "postgresql://u:hunter2@h/d?pool_timeout=nan"),
        ("DATABASE_URL", "postgresql://u:hunter2@h/d?conection_limit=5"),
        ("REDIS_URL", "http://:hunter2@h"),
        ("REDIS_URL", "redis://:hunter2@h?retry_on_timeout=1"),
        ("REDIS_URL", "redis://:hunter2@h:port"),
        ("REDIS_URL", "redis://:hunter2@[h"),
        ("PORT", "0"),
        ("PORT", "http"),
        ("APP_ENV", "prod"),
        ("INSTANCE_ID", "a b"),
        ("DRAIN_TIMEOUT", "-1"),
        ("LOG_LEVEL", "loud"),
        ("REQUEST_LOG", "maybe"),
        ("DATABASE_REPLICA_URL", "mysql://u:hunter2@h/d"),
        ("RATE_LIMITS", "user=many"),
        ("RATE_LIMITS", "nobody=1/60"),
        ("RATE_LIMITS", "user=0/60"),
        ("TRUSTED_PROXIES", "hunter2"),
        ("FRONTEND_URL", "mozi.example"),
    ],
)
def test_a_mistake_is_named_and_no_secret_shown(name: str, value: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(**{name: value})
    assert [problem.split()[0] for problem in caught.value.problems] == [name]
    assert "hunter2" not in str(caught.value)


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        load(PORT="x", LOG_LEVEL="x", DRAIN_TIMEOUT="x")
    assert len(caught.value.problems) == 3


def test_secrets_are_not_in_the_repr() -> None:
    shown = repr(load(REDIS_URL="redis://:hunter2@h"))
    assert "s3cret" not in shown
    assert "hunter2" not in shown


def test_node_env_is_understood_and_app_env_wins() -> None:
    assert load(NODE_ENV="production", **SECRETS).production
    assert not load(NODE_ENV="production", APP_ENV="test").production


def test_an_instance_has_a_name_of_its_own_by_default() -> None:
    assert load(INSTANCE_ID="").instance_id != load(INSTANCE_ID="", PORT="3002").instance_id


def test_origins_are_as_browsers_send_them() -> None:
    settings = load(FRONTEND_URL="https://Mozi.example:443/, http://localhost:80,http://localhost:5173")
    assert settings.frontend_origins == {"https://mozi.example", "http://localhost", "http://localhost:5173"}


def test_an_empty_release_is_unreleased() -> None:
    assert load(RELEASE=" ").release == "unreleased"
    assert load(RELEASE="2026.11").release == "2026.11"


@pytest.mark.parametrize(
    "weak", ["", "hunter2", "a" * 40, "change-me-please-change-me-please-1234", f"{'0123456789abcdef' * 2},x"]
)
def test_weak_secrets_are_refused_in_production_only(weak: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(**SECRETS | {"APP_ENV": "production", "JWT_ACCESS_SECRET": weak})
    assert [problem.split()[0] for problem in caught.value.problems] == ["JWT_ACCESS_SECRET"]
    assert "hunter2" not in str(caught.value)
    assert load(JWT_ACCESS_SECRET=weak).access_secrets


def test_both_secrets_must_not_be_the_same() -> None:
    with pytest.raises(SettingsError, match="must differ"):
        load(JWT_ACCESS_SECRET="a", JWT_REFRESH_SECRET="a")


def test_rows_of_the_limits_can_be_changed_or_all_switched_off() -> None:
    limits = load(RATE_LIMITS="user=7/8").limits
    assert limits is not None
    assert (limits["user"], limits["login"]) == (Limit(7, 8), DEFAULT_LIMITS["login"])
    assert load().limits == DEFAULT_LIMITS
    assert load(RATE_LIMITS="off").limits is None
