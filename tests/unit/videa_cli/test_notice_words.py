"""Every notice has its words, also where the text of any event is asked for."""

from __future__ import annotations

from typing import get_args

import pytest

from ops.notices import (
    AutoscaleDecided,
    AutoscaleLimited,
    AutoscaleSkipped,
    CanaryKey,
    Notice,
    ReplicaEjected,
    ReplicasFixed,
)
from videa_cli.notice_words import notice_words
from videa_cli.words import words


@pytest.mark.parametrize("kind", get_args(Notice), ids=lambda kind: kind.__name__)
def test_each_kind_of_notice_has_a_text(kind: type) -> None:
    assert notice_words.dispatch(kind) is not notice_words.dispatch(object)


@pytest.mark.parametrize(
    ("notice", "said"),
    [
        (ReplicaEjected("app-1", "no answer"), "app-1 removed from the balancer: no answer"),
        (AutoscaleDecided("web", 2, 1, "no load", False), "web: 2 -> 1 replica; no load"),
        (AutoscaleDecided("web", 2, 4, "load", True), "web would be scaled: 2 -> 4 replicas; load"),
        (AutoscaleLimited("web", 3, 6, "connections: full"), "web stays at 3 replicas: connections: full"),
        (AutoscaleSkipped("web", "it is off"), "autoscale of web waits: it is off"),
        (AutoscaleSkipped("", "no answer"), "autoscale waits: no answer"),
        (CanaryKey(True), "testers reach the canary with the header that `videa config --tester-header` prints"),
        (CanaryKey(False), "testers cannot choose a release: nginx has no valid TESTER_KEY (docs/canary.md)"),
        (
            ReplicasFixed(2, "APP_REPLICAS"),
            "the Compose file sets 2 replicas, and `docker compose up -d` will return to that number; to let videa "
            "record the new one, write `replicas: ${APP_REPLICAS:-2}` there",
        ),
    ],
)
def test_what_is_read_of_it(notice: Notice, said: str) -> None:
    assert words(notice) == said
