"""`callgauge review`: a week against the one before, as text or as a page with plots."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from callgauge.errors import SettingError
from callgauge.printable import json_printable, printable_lines
from callgauge_deploy.command import load, store_settings

__all__ = ["review"]


def review(
    week: Annotated[str, typer.Option(help="Such as 2026-W48; the last one that is over, if left out.")] = "last",
    html: Annotated[
        Path | None, typer.Option(help="Also write a page with plots to this file.", metavar="FILE")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the sections as JSON.")] = False,
) -> None:
    """Tell what grew, got slower, dearer or worse in a week, and what is new in it: models, prompts, errors.

    Weeks are those of ISO 8601, in UTC. Costs count their later adjustments (`callgauge reprice`).
    """
    weeks, facts = (load(f"callgauge_history.review.{name}", "analysis") for name in ("week", "facts"))
    sections = load("callgauge_history.review.sections", "analysis")
    now_ms = round(time.time() * 1000)
    chosen = weeks.week_of(week, now_ms)
    if chosen.end_ms > now_ms:
        typer.echo(f"{chosen.name} is not over: its calls until now stand against a whole week", err=True)
    with load("callgauge_history.query", "sinks").asking(store_settings()) as ask:
        found = facts.facts_of(ask, chosen)
    if html is not None:
        plots = load("callgauge_history.review.plots", "analysis").plots_of(found)
        page = load("callgauge_history.review.page", "analysis").page_of(found, plots)
        try:
            html.write_text(page, "utf-8")
        except OSError as error:
            raise SettingError(f"--html {html}: {error.strerror}") from error
    if as_json:
        told = [asdict(section) for section in sections.sections_of(found)]
        typer.echo(json_printable(json.dumps({"week": chosen.name, "sections": told}, indent=2, ensure_ascii=False)))
    else:
        typer.echo(printable_lines(sections.text_of(found)))
        if html is not None:
            typer.echo(f"\nwritten to {html}")
