"""The engine that --to names."""

from __future__ import annotations

import pytest

from ops.engine.hosts import environment_of, environment_of_this_machine
from ops.errors import UsageError

HERE = {"DOCKER_HOST": "tcp://other:2376", "DOCKER_CONTEXT": "other", "DOCKER_TLS_VERIFY": "1", "HOME": "/root"}
KEPT = {"DOCKER_TLS_VERIFY": "1", "HOME": "/root"}


def test_a_url_and_a_context() -> None:
    assert environment_of("ssh://ops@shop", HERE) == {**KEPT, "DOCKER_HOST": "ssh://ops@shop"}
    assert environment_of("production", HERE) == {**KEPT, "DOCKER_CONTEXT": "production"}
    assert environment_of_this_machine(HERE) == {**KEPT, "DOCKER_CONTEXT": "default"}


@pytest.mark.parametrize("host", ["ops@shop", "shop:2376", "", " "])
def test_what_is_neither_gets_the_form(host: str) -> None:
    with pytest.raises(UsageError, match="neither a URL nor a Docker context") as error:
        environment_of(host, HERE)
    assert "ssh://" in error.value.hint
