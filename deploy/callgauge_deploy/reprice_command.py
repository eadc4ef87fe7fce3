"""`callgauge reprice`: prices past calls again, as adjustments."""

from __future__ import annotations

import getpass
import json
import logging
import time
from typing import Annotated, Any

import typer

from callgauge.errors import SettingError
from callgauge.printable import json_printable, printable
from callgauge.settings import load_settings
from callgauge_deploy.command import load, store_settings
from callgauge_deploy.time_asked import time_ms

__all__ = ["reprice"]


def reprice(
    begin: Annotated[
        str, typer.Option("--from", help="A time (2026-01-31T16:30Z), or how long ago (7d, 12h).", metavar="TIME")
    ],
    end: Annotated[str, typer.Option("--to", help="The same, or now.", metavar="TIME")] = "now",
    everything: Annotated[
        bool,
        typer.Option(
            "--all", help="Also calls whose cost the emitter sent; else those without, and those that a table priced."
        ),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be adjusted.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,
) -> None:
    """Price past calls again, by the prices of now (CALLGAUGE_PRICES_FILE, then the table) for the day of each call.

    Calls stay as they are; adjustments are rows of their own, and the view calls_priced and budgets count them.
    """
    module, query = load("callgauge_history.repricing", "sinks"), load("callgauge_history.query", "sinks")
    now_ms = round(time.time() * 1000)
    from_ms, to_ms = time_ms(begin, now_ms, "--from"), time_ms(end, now_ms, "--to")
    if from_ms >= to_ms:
        raise SettingError(f"--from {begin} must be before --to {end}")
    price_of = _prices()
    how = {"made_at_ms": now_ms, "made_by": _user(), "everything": everything}
    if dry_run:
        with query.asking(store_settings()) as ask:
            done = module.reprice(ask, price_of, from_ms, to_ms, store=None, **how)
    else:
        with query.writing(store_settings()) as store:
            done = module.reprice(store.query, price_of, from_ms, to_ms, store=store, **how)
    if as_json:
        typer.echo(json_printable(json.dumps(_object(done, dry_run), indent=2)))
    else:
        _print(done, dry_run)


def _prices() -> Any:
    from callgauge.prices.call_prices import CallPrices
    from callgauge.prices.found import load_prices

    found = load_prices(file := load_settings().prices_file)
    if not found.has_table and file is None:
        load("genai_prices", "prices")
    quiet = logging.getLogger("callgauge.reprice")
    quiet.addHandler(logging.NullHandler())
    quiet.propagate = False  # models without a price are printed, once each
    return CallPrices(found, quiet).cost


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "somebody"


def _print(done: Any, dry_run: bool) -> None:
    from callgauge_deploy.results import print_rows

    rows = [
        (model, each.calls, f"{each.before:.6f}", f"{each.after:.6f}", f"{each.after - each.before:+.6f}")
        for model, each in sorted(done.models.items(), key=lambda item: -abs(item[1].after - item[1].before))
    ]
    if rows:
        print_rows(("model", "calls", "before $", "after $", "difference $"), rows)
    what = "would be adjusted" if dry_run else "adjusted"
    typer.echo(f"{done.adjusted:,} of {done.read:,} calls {what}")
    for source, calls in sorted(done.sources.items()):
        typer.echo(printable(f"{calls:,} by {source}"))
    for model, calls in sorted(done.unpriced.items(), key=lambda item: -item[1])[:20]:
        typer.echo(printable(f"{calls:,} calls of {model!r} have no cost, and no price is known"))


def _object(done: Any, dry_run: bool) -> dict[str, Any]:
    models = {
        name: {"calls": each.calls, "before_usd": each.before, "after_usd": each.after}
        for name, each in done.models.items()
    }
    return {
        "written": not dry_run,
        "read": done.read,
        "adjusted": done.adjusted,
        "models": models,
        "price_sources": dict(done.sources),
        "unpriced": dict(done.unpriced),
    }
