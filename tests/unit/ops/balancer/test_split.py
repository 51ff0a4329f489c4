"""The share of a canary in nginx's configuration."""

from __future__ import annotations

import pytest

from ops.balancer.render import parse, render
from ops.balancer.split import canary_header
from ops.traffic import TrafficSplit, Upstream


def rendered(split: TrafficSplit, sticky: str = "none") -> str:
    return render(Upstream("app", 3001, ("app-1", "app-2"), sticky=sticky, split=split), 7)  # type: ignore[arg-type]


def test_stable_and_canary_replicas_are_both_admitted() -> None:
    membership = parse(rendered(TrafficSplit(("app-3",), 5)))
    assert membership.servers == ("app-1", "app-2")
    assert membership.canary == ("app-3",)
    assert membership.admits("app-3")
    assert not membership.everything
    assert membership.generation == 7


def test_without_a_split_there_is_no_canary() -> None:
    assert parse(render(Upstream("app", 3001, ("app-1",)), 1)).canary == ()


def test_the_share_has_two_decimals() -> None:
    assert "5.00% canary; * app;" in rendered(TrafficSplit(("app-3",), 5))
    assert "0.10% canary; * app;" in rendered(TrafficSplit(("app-3",), 0.1))


def test_a_share_of_0_leaves_only_the_private_token() -> None:
    text = rendered(TrafficSplit(("app-3",), 0, token="a1b2"))
    assert "% canary" not in text
    assert '"~^a1b2:" canary;' in text
    assert "include /tmp/nginx/testers" not in text


def test_only_the_key_in_nginxs_container_selects_the_canary() -> None:
    text = rendered(TrafficSplit(("app-3",), 5))
    assert "include /tmp/nginx/testers*.conf;" in text
    assert "~^" not in text


def test_a_split_of_an_older_videa_is_parsed() -> None:
    text = rendered(TrafficSplit(("app-3",), 5))
    older = text.replace("include /tmp/nginx/testers*.conf;", '"~^always:" canary;\n        "~^never:" app;')
    assert parse(older).split == TrafficSplit(("app-3",), 5)


@pytest.mark.parametrize(
    ("key", "header"),
    [("a1-B_" * 4, "X-Videa-Canary: a1-B_a1-B_a1-B_a1-B_"), ("short", None), ('"; }' * 9, None), ("", None)],
)
def test_a_key_that_nginx_would_ignore_gives_no_header(key: str, header: str | None) -> None:
    assert canary_header({"TESTER_KEY": key}) == header
    assert canary_header({}) is None


@pytest.mark.parametrize(
    ("by", "sticky", "variable"),
    [
        ("client", "none", "$remote_addr"),
        ("client", "cookie", "$videa_client"),
        ("cookie:session", "none", "$cookie_session"),
        ("header:X-User-Id", "none", "$http_x_user_id"),
    ],
)
def test_a_client_stays_in_its_group(by: str, sticky: str, variable: str) -> None:
    text = rendered(TrafficSplit(("app-3",), 5, by=by), sticky)
    assert f'map {variable} $videa_key {{ default {variable}; "" $request_id; }}' in text


@pytest.mark.parametrize("sticky", ["none", "ip", "cookie"])
@pytest.mark.parametrize("by", ["request", "client", "cookie:session_id", "cookie:http_x", "header:x-user-id"])
@pytest.mark.parametrize("percent", [0, 0.1, 5, 100])
def test_a_rendered_split_is_parsed(percent: float, by: str, sticky: str) -> None:
    split = TrafficSplit(("app-3", "app-4"), percent, by)
    assert parse(rendered(split, sticky)).split == split
    assert parse(render(Upstream("app", 3001, ("app-1",), sticky=sticky), 1)).split is None  # type: ignore[arg-type]


@pytest.mark.parametrize("sticky", ["none", "ip", "cookie"])
def test_a_rendered_private_split_is_parsed(sticky: str) -> None:
    split = TrafficSplit(("app-3", "app-4"), 0, token="a1b2")
    assert parse(rendered(split, sticky)).split == split


@pytest.mark.parametrize(
    "wrong",
    [{"percent": -1}, {"percent": 101}, {"by": "moon"}, {"by": "cookie:a b"}, {"token": "a;b"}, {"servers": ()}],
)
def test_invalid_splits_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        TrafficSplit(**{"servers": ("app-3",), "percent": 5, **wrong})  # type: ignore[arg-type]


def test_a_split_needs_stable_replicas() -> None:
    with pytest.raises(ValueError, match="needs stable replicas"):
        Upstream("app", 3001, (), split=TrafficSplit(("app-3",), 5))
