"""`callgauge erase`: removes what is stored of a user."""

from __future__ import annotations

import json
import time
from typing import Annotated

import typer

from callgauge.printable import json_printable, printable
from callgauge_deploy.command import load, store_settings

__all__ = ["erase"]


def erase(
    user: Annotated[str, typer.Option(help="The user_id of the calls, as it is stored.", metavar="USER")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be removed.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Remove a user's calls, their traces' steps, scores, content, alerts and dead letters from ClickHouse.

    It asks again afterwards and fails if a row is left. Windows hold no user and stay. What the bus still holds cannot
    be removed; it is told until when.
    """
    rows, topics = _erased(user, dry_run)
    if as_json:
        typer.echo(
            json_printable(json.dumps({"erased": not dry_run, "rows": rows, "on_the_bus_until": topics}, indent=2))
        )
        return
    from callgauge_deploy.alert_rows import utc
    from callgauge_deploy.results import print_rows

    print_rows(("table", "would be removed" if dry_run else "removed"), list(rows.items()))
    for topic, until in topics.items():
        when = "until its key is written again" if until is None else f"until {utc(until)}"
        typer.echo(printable(f"{topic}: may hold records of this user {when}"))
    if not dry_run:
        typer.echo("asked again: no row of this user is left in the store")


def _erased(user: str, dry_run: bool) -> tuple[dict[str, int], dict[str, float | None]]:
    """Rows by table, and until when which topic may hold some; by the process that holds the store, if there is one."""
    module, query = load("callgauge_history.erasing", "sinks"), load("callgauge_history.query", "sinks")
    settings, now = store_settings(), time.time()
    if (done := query.have_done(settings, "/v1/erasures", {"user": user, "dry_run": dry_run})) is not None:
        return done["rows"], done["on_the_bus_until"]
    if dry_run:
        with query.asking(settings) as ask:
            left = module.remaining(ask, settings.topics, user, now)
            found = module.found_of(ask, user)
    else:
        with query.writing(settings) as store:
            left = module.remaining(store.query, settings.topics, user, now)
            found = module.erase(store, user, settings.store_cluster)
    return {each.table: each.rows for each in found}, {each.topic: each.until for each in left}
