"""What the health check of a Compose file asks over HTTP."""

from __future__ import annotations

import pytest

from ops.adopt.health_check import Asked, asked

GET = r's.sendall(b"GET /health/live HTTP/1.0\r\n\r\n")'
DEVICE = r"exec 3<>/dev/tcp/127.0.0.1/9000; echo -e 'GET /health/ready HTTP/1.1\r\n\r\n' >&3"


@pytest.mark.parametrize(
    ("test", "expected"),
    [
        ("curl -f http://localhost:8000/healthz || exit 1", Asked(8000, "/healthz", "200-399")),
        (["CMD", "curl", "-fsS", "http://web:3000/up"], Asked(3000, "/up", "200-399")),
        (["CMD", "curl", "http://[::1]:3000"], Asked(3000, "/", "200-499")),
        (["CMD-SHELL", 'wget -q "http://127.0.0.1/up?full=1" -O -'], Asked(80, "/up?full=1", "200-399")),
        ("urllib.request.urlopen('http://localhost:5000/ping')", Asked(5000, "/ping", "200-399")),
        (["CMD", "python", "-c", GET], Asked(None, "/health/live")),
        (["CMD-SHELL", DEVICE], Asked(9000, "/health/ready")),
        ("wget --spider -q localhost:8080/healthz || exit 1", Asked(8080, "/healthz", "200-399")),
        (["CMD", "curl", "-f", "127.0.0.1/up"], Asked(80, "/up", "200-399")),
        ("curl -f [::1]:3000", Asked(3000, "/", "200-399")),
        ("curl -s http://localhost:3000/ | grep -q ready", Asked(3000, "/")),
        ("node -e \"fetch('http://localhost:3000/up')\"", Asked(3000, "/up")),
        ("wget -T 3 localhost", Asked()),
        ("redis-cli -u localhost:6379/0", Asked()),
        (["CMD", "pg_isready"], Asked()),
        (None, Asked()),
        (["NONE"], Asked()),
    ],
)
def test_a_check_that_a_plain_get_repeats(test: object, expected: Asked) -> None:
    assert asked({"healthcheck": {"test": test}}, {"web"}) == expected


@pytest.mark.parametrize(
    "test",
    [
        "curl -f -u me:secret http://localhost:3000/",
        "curl -fsSH 'Host: shop.example' http://localhost:3000/up",
        "curl -f -X POST http://localhost:3000/",
        "curl --fail --header 'Authorization: x' http://localhost:3000/",
        "wget --header='Host: a' -q -O - http://localhost:3000/",
        "[ $(curl -s -o /dev/null -w '%{http_code}' http://localhost:3000/) = 401 ]",
    ],
)
def test_of_a_check_that_says_more_than_a_url_only_the_port_is_known(test: str) -> None:
    assert asked({"healthcheck": {"test": test}}) == Asked(3000)


@pytest.mark.parametrize(
    "test",
    ["curl -f http://api:3000/", "curl -f https://shop.example/localhost:1/", "curl -fk https://localhost:8443/up"],
)
def test_another_host_and_https_say_nothing_about_the_service(test: str) -> None:
    assert asked({"healthcheck": {"test": test}}) == Asked()


def test_a_check_that_is_switched_off_asks_nothing() -> None:
    assert asked({"healthcheck": {"disable": True, "test": "curl -f http://localhost:8000/"}}) == Asked()
