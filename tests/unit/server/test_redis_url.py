from __future__ import annotations

import inspect

import pytest
from redis.asyncio.connection import URL_QUERY_ARGUMENT_PARSERS, AbstractConnection, Connection, SSLConnection

from server.redis_url import parse_redis_url, redis_query

PARAMETERS = {
    name
    for kind in (AbstractConnection, Connection, SSLConnection)
    for name in inspect.signature(kind.__init__).parameters
    if name not in ("self", "kwargs")
} | set(URL_QUERY_ARGUMENT_PARSERS)
SCHEMES = ("redis", "rediss", "redis+cluster", "rediss+cluster")


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_a_parameter_of_the_library_is_understood_or_refused_with_its_name(scheme: str, name: str) -> None:
    try:
        assert set(redis_query(f"{scheme}://h:1?{name}=1")) == {name}
    except ValueError as error:
        assert name in str(error)
        assert "\n" not in str(error)


@pytest.mark.parametrize(
    "url",
    [
        "redis://h",
        "redis://:secret@h:6379/3",
        "redis://user:se%2Fcret@[::1]:6379/0?socket_timeout=1&socket_connect_timeout=0.5",
        "redis://h?db=2&client_name=mozi&socket_keepalive=yes",
        "rediss://h/0?ssl_cert_reqs=none&ssl_check_hostname=false",
        "redis+cluster://h:7001,h:7002?socket_timeout=1",
        "rediss+cluster://:secret@h:7001,h:7002/0?ssl_cert_reqs=required",
    ],
)
def test_an_address_is_taken_as_it_is(url: str) -> None:
    assert parse_redis_url(url) == url


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("redis://h?socket_timeout=soon", "socket_timeout"),
        ("redis://h?socket_timeout=0", "socket_timeout"),
        ("redis://h?socket_timeout=1&socket_timeout=2", "twice"),
        ("redis://h?retry_on_timeout=true", "retry_on_timeout, which cannot be used; possible: db"),
        ("redis://h?sokcet_timeout=1", "sokcet_timeout"),
        ("redis://h?ssl_ca_certs=/none", "needs rediss://"),
        ("rediss://h?ssl_ca_certs=/none", "does not exist"),
        ("redis://h?db=first", "db"),
        ("redis://h/first", "number of a database"),
        ("redis://h:port", "port"),
        ("redis://h:1,g:2", "redis+cluster://"),
        ("redis+cluster://h:1,g:port", "port"),
        ("redis+cluster://h:1,g:2/3", "only number 0"),
        ("redis+cluster://h:1?db=3", "only number 0"),
        ("unix:///socket", "must start with"),
    ],
)
def test_what_cannot_work_is_refused_with_one_line(url: str, why: str) -> None:
    with pytest.raises(ValueError, match=r"\w") as caught:
        parse_redis_url(url)
    assert why in str(caught.value)
    assert "\n" not in str(caught.value)
