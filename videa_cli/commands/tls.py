"""videa tls status, renew"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from videa_cli.context import Options, group

if TYPE_CHECKING:
    from ops.certificates.renewal import Certificate, Renewals

Json = Annotated[bool, typer.Option("--json", help="Print it as JSON.")]


def status(context: typer.Context, as_json: Json = False) -> None:
    """Show the certificate of each domain of x-videa.tls, when it is renewed, and the last error.

    The agent obtains and renews them (`videa agent`). RENEWAL is when it orders the next one. In --json, times are Unix
    times.

    \b
    Examples:
      videa tls status
      videa tls status --json | jq -r '.domains[] | select(.error) | .domain'
    """
    import time

    from rich.markup import escape
    from rich.table import Table

    from videa_cli.console import console
    from videa_cli.units import DAY, day

    renewals = _renewals(context.obj)
    certificates, now = renewals.certificates(), time.time()
    if as_json:
        typer.echo(
            json.dumps({"directory": renewals.tls.directory, "domains": [_fields(c, now) for c in certificates]})
        )
        return
    table = Table(box=None, pad_edge=False)
    for column in ("DOMAIN", "ISSUER", "NOT AFTER (UTC)", "DAYS", "RENEWAL (UTC)", "ERROR"):
        table.add_column(column, overflow="fold")
    for each in certificates:
        info, error = each.info, escape(each.state.error)
        renewal = "now" if each.due <= now else day(each.due)
        if info:
            left = f"{(info.not_after - now) / DAY:.1f}"
            table.add_row(each.domain, escape(info.issuer), day(info.not_after), left, renewal, error)
        else:
            table.add_row(each.domain, "none", "-", "-", renewal, error)
    console().print(table)


def renew(
    context: typer.Context,
    domain: Annotated[
        str, typer.Argument(metavar="[DOMAIN]", show_default=False, help="By default all whose renewal is due.")
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be ordered, and change nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Obtain a new certificate now, from this machine, and serve it without losing a request.

    The agent does this by itself. With DOMAIN, the certificate is ordered even if its renewal is not due or the last
    try has just failed: certificate authorities limit how often you may try. The previous certificate stays on the
    volume, and serves until nginx has answered with the new one. A domain that fails does not stop the others; then the
    exit code is 1.

    \b
    Examples:
      videa tls renew
      videa tls renew shop.example
      videa tls renew --dry-run
    """
    import time

    from ops.certificates.process import check_library
    from ops.errors import UsageError
    from videa_cli.console import console

    renewals = _renewals(context.obj)
    seen, now = renewals.volume.look(), time.time()
    certificates = renewals.certificates(seen)
    wanted = [each for each in certificates if each.domain == domain.lower() or (not domain and each.due <= now)]
    if domain and not wanted:
        raise UsageError(f"x-videa.tls.domains has no {domain!r}", f"its domains: {', '.join(renewals.tls.names)}")
    names, renewed = [each.domain for each in wanted], []
    if not dry_run and names:
        check_library()
        renewals.arrange(seen)
        renewed = [name for name in names if renewals.renew(name)]
    if as_json:
        fields = {"wanted": names, "renewed": renewed, "directory": renewals.tls.directory, "dry_run": dry_run}
        typer.echo(json.dumps(fields))
    elif dry_run and names:
        console().print(f"would order from {renewals.tls.directory}: {', '.join(names)}; nothing was changed")
    elif not names:
        console().print("no renewal is due; to renew one now, name it: videa tls renew DOMAIN")
    if not dry_run and len(renewed) < len(names):
        raise typer.Exit(1)


def _renewals(options: Options) -> Renewals:
    from ops.certificates.renewal import of_stack, tls_of
    from ops.errors import PlanRefused
    from videa_cli.render import Progress

    stack = options.stack()
    if not tls_of(stack.project).domains:
        raise PlanRefused(
            "x-videa.tls has no domains", "write `x-videa: {tls: {domains: [shop.example]}}` (docs/tls.md)"
        )
    return of_stack(stack, Progress())


def _fields(certificate: Certificate, now: float) -> dict[str, object]:
    info, state = certificate.info, certificate.state
    return {
        "domain": certificate.domain,
        "issuer": info.issuer if info else None,
        "serial": info.serial if info else None,
        "not_before": info.not_before if info else None,
        "not_after": info.not_after if info else None,
        "days_left": round((info.not_after - now) / 86400, 2) if info else None,
        "next_renewal": max(certificate.due, 0.0) or None,
        "failures": state.failures,
        "error": state.error or None,
    }


commands = group("Show the certificates of x-videa.tls, renew them by hand.")
commands.command("status")(status)
commands.command("renew")(renew)
