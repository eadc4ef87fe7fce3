"""`callgauge reprice`: prices past calls again, as adjustments."""

from __future__ import annotations

import getpass
import json
import logging
import time
from collections.abc import Mapping
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

    Calls stay as they are; adjustments are rows of their own, which questions, budgets and the view calls_priced count.
    Beside a running local stack its process does it, by its own prices.
    """
    now_ms = round(time.time() * 1000)
    from_ms, to_ms = time_ms(begin, now_ms, "--from"), time_ms(end, now_ms, "--to")
    if from_ms >= to_ms:
        raise SettingError(f"--from {begin} must be before --to {end}")
    done = {"written": not dry_run} | _repriced(from_ms, to_ms, everything, dry_run, now_ms)
    if as_json:
        typer.echo(json_printable(json.dumps(done, indent=2)))
    else:
        _print(done)


def _repriced(from_ms: int, to_ms: int, everything: bool, dry_run: bool, now_ms: int) -> dict[str, Any]:
    """What was done; by the process that holds the store, and by its prices, if there is one."""
    query, settings = load("callgauge_history.query", "sinks"), store_settings()
    asked = {"from_ms": from_ms, "to_ms": to_ms, "everything": everything, "dry_run": dry_run, "made_by": _user()}
    done: dict[str, Any] | None = query.have_done(settings, "/v1/repricings", asked)
    if done is not None:
        return done
    module, notes = (load(f"callgauge_history.{name}", "sinks") for name in ("repricing", "price_notes"))
    prices, price_of = _prices()
    how = {"made_at_ms": now_ms, "made_by": _user(), "everything": everything}
    if dry_run:
        with query.asking(settings) as ask:
            return _object(module.reprice(ask, price_of, from_ms, to_ms, store=None, **how))
    with query.writing(settings) as store:
        found = module.reprice(store.query, price_of, from_ms, to_ms, store=store, **how)
        notes.note_adjusted(store, prices, from_ms, to_ms)
        return _object(found)


def _prices() -> tuple[Any, Any]:
    """The prices, and the function that prices a call."""
    from callgauge.prices.call_prices import CallPrices
    from callgauge.prices.found import load_prices

    found = load_prices(file := load_settings().prices_file)
    if not found.has_table and file is None:
        load("genai_prices", "prices")
    quiet = logging.getLogger("callgauge.reprice")
    quiet.addHandler(logging.NullHandler())
    quiet.propagate = False  # models without a price are printed, once each
    return found, CallPrices(found, quiet).cost


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return "somebody"


def _print(done: Mapping[str, Any]) -> None:
    from callgauge_deploy.results import print_rows

    models = [(name, each, each["after_usd"] - each["before_usd"]) for name, each in done["models"].items()]
    rows = [
        (name, each["calls"], f"{each['before_usd']:.6f}", f"{each['after_usd']:.6f}", f"{more:+.6f}")
        for name, each, more in sorted(models, key=lambda model: -abs(model[2]))
    ]
    if rows:
        print_rows(("model", "calls", "before $", "after $", "difference $"), rows)
    what = "adjusted" if done["written"] else "would be adjusted"
    typer.echo(f"{done['adjusted']:,} of {done['read']:,} calls {what}")
    for source, calls in sorted(done["price_sources"].items()):
        typer.echo(printable(f"{calls:,} by {source}"))
    for model, calls in sorted(done["unpriced"].items(), key=lambda item: -item[1])[:20]:
        typer.echo(printable(f"{calls:,} calls of {model!r} have no cost, and no price is known"))


def _object(done: Any) -> dict[str, Any]:
    models = {
        name: {"calls": each.calls, "before_usd": each.before, "after_usd": each.after}
        for name, each in done.models.items()
    }
    return {
        "read": done.read,
        "adjusted": done.adjusted,
        "models": models,
        "price_sources": dict(done.sources),
        "unpriced": dict(done.unpriced),
    }
