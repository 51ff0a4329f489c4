from __future__ import annotations

from tests.server.support import Client, create_title


async def test_health_names_every_dependency(api: Client) -> None:
    async with api.get("/health") as response:
        answer = await response.json()
    assert answer["status"] == "ok"
    assert {name: check["status"] for name, check in answer["checks"].items()} == {"postgres": "ok", "redis": "ok"}
    assert answer["pool"]["limit"] == 5


async def test_metrics_are_there_for_prometheus_and_for_people(api: Client) -> None:
    number = (await create_title(api))["id"]
    for path in (f"/api/v1/titles/{number}", "/api/v1/titles/999999", "/made/up/path"):
        async with api.get(path) as response:
            await response.read()
    async with api.get("/health/metrics") as response:
        assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        text = await response.text()
    assert 'videa_http_requests_total{method="GET",route="/api/v1/titles/{id}",status="200"} 1.0' in text
    assert 'videa_http_requests_total{method="GET",route="unmatched",status="404"} 1.0' in text
    assert "/made/up" not in text
    async with api.get("/health/metrics", headers={"Accept": "application/json"}) as response:
        answer = await response.json()
    assert answer["last_minute"]["requests"] >= 4
    assert answer["last_minute"]["p95_ms"] > 0
    assert answer["memory"]["rss_bytes"] > 1_000_000


async def test_whoami_tells_instance_and_release(api: Client) -> None:
    async with api.get("/api/v1/whoami") as response:
        answer = await response.json()
    assert answer["instance"].startswith("test-")
    assert answer["release"] == "unreleased"
