"""What is told of the answers of nginx's container."""

from __future__ import annotations

import pytest

from ops.balancer import scripts
from ops.balancer.script_answers import failure, read_look, remaining_workers
from ops.errors import BalancerError
from ops.models import ExecResult


def test_an_image_of_an_older_videa_is_named_as_the_reason() -> None:
    said = 'nginx: [emerg] host not found in upstream "any" in /etc/nginx/locations.conf:61'
    assert "needs the image of this videa: videa init" in failure(ExecResult(scripts.REFUSED, said)).hint


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (ExecResult(0, "nginx version: nginx/1.26.3\n1\n"), "has nginx/1.26.3, but nginx 1.28 or newer is required"),
        (ExecResult(127, "sh: nginx: not found"), "has no nginx, but"),
        (ExecResult(scripts.NOT_OURS, "nginx version: nginx/1.30.6\n\n"), "has no /etc/nginx/videa/upstreams.conf"),
    ],
    ids=["too old", "no nginx", "another image"],
)
def test_a_container_that_cannot_be_the_balancer_is_refused(answer: ExecResult, reason: str) -> None:
    with pytest.raises(BalancerError, match=reason):
        read_look(answer)


def test_no_line_about_workers_means_that_none_is_left() -> None:
    assert remaining_workers("videa-left 12@99 13@99\n") == ("12@99", "13@99")
    assert remaining_workers("") == ()
