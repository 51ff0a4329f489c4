"""The requests of the last minute in nginx's log, and the expiry of its certificate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from ops.balancer.access_log import NO_ANSWER
from ops.contract import LIMITED_CLIENTS, LIMITED_PATHS, RATE_LIMITS
from ops.doctor.check import Check, Finding, Group, Severity, present
from ops.doctor.facts import Facts
from ops.doctor.limits import Limits
from ops.doctor.sources import BALANCER_UP, CERTIFICATES, TRAFFIC
from ops.doctor.words import listing, share, span

SHOWN = 4
"""Maximum kinds of failures in a finding."""

RAISED = 10
"""Factor by which to raise a rate limit that rejects most clients."""


def server_errors(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Users get errors."""
    traffic = present(facts.traffic)
    if traffic.requests >= limits.lb_least and traffic.errors / traffic.requests > limits.lb_errors:
        yield Finding(
            "lb.5xx",
            Severity.FAIL,
            f"{share(traffic.errors / traffic.requests)} of the requests failed",
            "\n".join([f"{traffic.errors} of {traffic.requests} in the last {span(traffic.window)}", *_split(facts)]),
            "users see errors",
            _where_to_look(facts),
        )


def _split(facts: Facts) -> list[str]:
    """A line for each frequent kind of failure: its count, the status, the path, and what answered."""
    names = _names(facts)
    lines = []
    for failure in present(facts.traffic).failures[:SHOWN]:
        replica = names.get(failure.address.rpartition(":")[0], failure.address)
        who = f"by {replica}" if failure.answered else "by nginx, no replica was tried"
        if not failure.answered and replica:
            who = f"by nginx, {replica} gave no answer"
        status = "cut" if failure.status == NO_ANSWER else str(failure.status)
        lines.append(f"{failure.count} x {status} {failure.path}, {who}")
    return lines


def _where_to_look(facts: Facts) -> str:
    """The command for the log of the container that caused most of the errors."""
    failures = present(facts.traffic).failures
    own = sum(failure.count for failure in failures if not failure.answered)
    if failures and 2 * own > sum(failure.count for failure in failures):
        return f"docker compose logs --tail 50 {facts.balancer_service}\nvidea status"
    return f"docker compose logs --tail 50 {facts.service}\nvidea status"


def _names(facts: Facts) -> dict[str, str]:
    """Address -> container name."""
    return {address: container.name for container in facts.containers or [] for address in container.addresses}


def limited(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """A rate limit rejects most clients."""
    traffic = present(facts.traffic)
    if traffic.requests < limits.lb_least or traffic.limited / traffic.requests <= limits.lb_limited:
        return
    by_nginx = 2 * traffic.limited_here > traffic.limited
    at = "".join(f"\n{count} x {path}" for path, count in list(traffic.limited_paths.items())[:SHOWN])
    shared = sum(traffic.proxied.values()) / traffic.requests >= limits.lb_one_client
    if shared:
        fix = "your proxy's clients count as one: add its network to x-videa.proxy.trusted, then videa up"
    elif by_nginx:
        fix = f"set REQUESTS_PER_CLIENT higher in .env, then videa up --recreate {facts.balancer_service}"
    else:
        fix = _raised(facts)
    yield Finding(
        "app.ratelimit_all",
        Severity.WARN,
        f"{share(traffic.limited / traffic.requests)} of the requests are refused by a limit (429)",
        f"{traffic.limited} of {traffic.requests} in the last {span(traffic.window)}, of {traffic.clients}"
        f" client{'s' if traffic.clients != 1 else ''}; {traffic.limited_here} by nginx, the others by the replicas"
        + at,
        "users are refused although the replicas could answer; of a single client, it may be an attack",
        fix,
    )


def _raised(facts: Facts) -> str:
    """How to raise, tenfold, the replicas' rate limit that rejects most requests; the other limits stay unchanged."""
    known = [beat.rate_limits for beat in facts.fleet or []] + [replica.rate_limits for replica in facts.replicas]
    table = next((limits for limits in known if limits), {})
    counts = Counter[tuple[str, ...]]()
    for path, count in present(facts.traffic).limited_paths.items():
        counts[(LIMITED_PATHS[path],) if path in LIMITED_PATHS else LIMITED_CLIENTS] += count
    rows = next((rows for rows, _ in counts.most_common(1)), LIMITED_CLIENTS)
    if not set(rows) <= set(table):
        return f"if they are your users, set {RATE_LIMITS} of {facts.service} higher, then videa deploy"
    limits = ",".join(
        f"{name}={most * RAISED if name in rows else most}/{seconds}" for name, (most, seconds) in table.items()
    )
    return f"if they are your users, set in .env: {RATE_LIMITS}={limits}\nthen: videa deploy"


def slow(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """The slowest 1% of the requests are very slow."""
    traffic = present(facts.traffic)
    if traffic.requests >= limits.lb_least and (traffic.p99 or 0) > limits.lb_p99:
        yield Finding(
            "lb.p99",
            Severity.WARN,
            f"one request in a hundred takes {traffic.p99 or 0:.1f} s or longer",
            f"p99 of {traffic.requests} requests in the last {span(traffic.window)}",
            "users wait, and connections pile up",
            "find the cause: videa doctor --only postgres --only ctr",
        )


def one_client(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """Another proxy is in front of nginx and forwards client addresses, but nginx treats all as one client."""
    traffic = present(facts.traffic)
    address, count = max(traffic.proxied.items(), key=lambda entry: entry[1], default=("", 0))
    if count >= limits.lb_one_client_least and count / traffic.requests >= limits.lb_one_client:
        yield Finding(
            "lb.one_client",
            Severity.WARN,
            f"all clients share one address: {address}",
            f"{count} of {traffic.requests} requests in the last {span(traffic.window)} come from it and have"
            " X-Forwarded-For",
            "limits, sticky: ip and canary.by: client treat them as one client, and X-Forwarded-Proto is not passed on",
            f"if it is your proxy, add its network to x-videa.proxy.trusted, such as [{address}], then videa up",
        )


def ejecting(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """A replica fails requests repeatedly, and nginx briefly stops using it each time."""
    retried = {
        address: count for address, count in present(facts.traffic).retried.items() if count >= limits.lb_ejections
    }
    if retried:
        names = _names(facts)
        worst_first = sorted(retried.items(), key=lambda entry: -entry[1])
        failing = [names.get(address.rpartition(":")[0], address) for address, _ in worst_first]
        yield Finding(
            "lb.ejecting",
            Severity.WARN,
            f"{listing(failing)} failed requests that another replica then answered",
            "\n".join(
                f"{name} ({address}): {count} requests in the last {span(present(facts.traffic).window)}"
                for name, (address, count) in zip(failing, worst_first, strict=True)
            ),
            "each makes its user wait, and a POST cannot be retried",
            f"docker logs --tail 50 {failing[0]}\n"
            f"if only one fails: docker restart {failing[0]}\nif all do: check the release",
        )


def expiry(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """The certificate expires soon."""
    expires = present(facts.balancer).tls_expires
    if expires is None:
        return
    left = expires - facts.taken
    if left < limits.tls_warn:
        yield Finding(
            "tls.expiry",
            Severity.FAIL if left < limits.tls_fail else Severity.WARN,
            f"the certificate expires in {span(left)}" if left > 0 else f"the certificate expired {span(-left)} ago",
            f"{left / 86400:.1f} days left",
            "after that, browsers refuse the site",
            "renew the certificate, then reload nginx",
        )


def renewal(facts: Facts, limits: Limits) -> Iterator[Finding]:
    """A certificate of x-videa.tls is not renewed in time."""
    for each in present(facts.certificates):
        left = None if each.not_after is None else each.not_after - facts.taken
        if left is None:
            title = f"{each.domain} has no certificate" + (": the last try failed" if each.failures else " yet")
            severity = Severity.FAIL if each.failures else Severity.WARN
        elif left <= 0:
            title, severity = f"the certificate of {each.domain} expired {span(-left)} ago", Severity.FAIL
        elif each.failures or facts.taken - each.due > limits.tls_overdue:
            title = f"the certificate of {each.domain} expires in {span(left)}, and is not renewed"
            lifetime = left if each.not_before is None else (each.not_after or 0) - each.not_before
            severity = Severity.FAIL if left < min(limits.tls_fail, lifetime / 10) else Severity.WARN
        else:
            continue
        tried = (
            f"{each.failures} tries have failed, the last one: {each.error}" if each.failures else "nothing has failed"
        )
        yield Finding(
            "tls.renewal",
            severity,
            title,
            tried,
            "without a valid certificate, browsers refuse the site",
            f"videa tls renew {each.domain}\nvidea agent status",
            each.domain,
        )


_APA = "awesome-prometheus-alerts"
CHECKS = (
    Check("lb.5xx", Group.BALANCER, "> 5% of >= 20 requests F", _APA, (TRAFFIC,), server_errors),
    Check("app.ratelimit_all", Group.APP, "> 50% of >= 20 requests get 429 W", "own", (TRAFFIC,), limited),
    Check("lb.p99", Group.BALANCER, "> 3 s W", _APA, (TRAFFIC,), slow),
    Check(
        "lb.ejecting", Group.BALANCER, ">= 3 requests of a replica answered by another W", "own", (TRAFFIC,), ejecting
    ),
    Check("lb.one_client", Group.BALANCER, "one untrusted proxy, >= 90% of >= 100 W", "own", (TRAFFIC,), one_client),
    Check("tls.expiry", Group.BALANCER, "< 20 d W, < 3 d F", _APA, (BALANCER_UP,), expiry),
    Check("tls.renewal", Group.BALANCER, "failed or 1 d late W, < 3 d F", "own", (CERTIFICATES,), renewal),
)
