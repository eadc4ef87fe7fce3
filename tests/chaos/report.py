"""What a series of runs comes to: a table for people, JSON for the rest."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.chaos.run import Outcome

__all__ = ["details_of", "row_of", "show", "write"]

_WIDTH = 180


def show(outcomes: Sequence[Outcome], title: str) -> None:
    """Print one line per run."""
    rows = [row_of(outcome) for outcome in outcomes]
    table = Table(*rows[0], title=title)
    for row in rows:
        table.add_row(*row.values())
    console = Console()
    # A file has no width; the table needs more than the 80 columns that rich assumes.
    (console if console.is_terminal else Console(width=_WIDTH)).print(table)


def write(outcomes: Sequence[Outcome], title: str, path: Path) -> None:
    """Write everything there is to know."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"title": title, "runs": [details_of(outcome) for outcome in outcomes]}, indent=2))


def row_of(outcome: Outcome) -> dict[str, str]:
    """The line of the table."""
    audit = outcome.audit
    row = {
        "scenario": outcome.plan.name,
        "faults": str(len(outcome.faults)),
        "restarted": str(len(outcome.restarts)),
        "consuming again s": _seconds(outcome.recovery_s[-1] if outcome.recovery_s else None),
        "slowest s": _seconds(max((s for s in outcome.recovery_s if s is not None), default=None)),
        "early": str(outcome.early),
    }
    stored = dict.fromkeys(("calls", "missing", "duplicates", "wrong windows", "sent again", "dead letters"), "-")
    if audit is not None:
        calls = audit.verdict
        stored["calls"] = f"{calls.calls:,}"
        stored["missing"] = f"{calls.missing:,}"
        stored["duplicates"] = f"{calls.duplicates:,}"
        stored["wrong windows"] = f"{len(calls.wrong_windows):,} of {calls.windows:,}"
        stored["sent again"] = f"{audit.duplicates:,}"
        stored["dead letters"] = f"{audit.dead_letters:,} of {audit.poison:,}"
    return row | stored | {"seconds": _seconds(outcome.seconds), "verdict": outcome.verdict}


def details_of(outcome: Outcome) -> dict[str, object]:
    """All there is to know of a run."""
    faults = [asdict(done) | {"recovery_s": s} for done, s in zip(outcome.faults, outcome.recovery_s, strict=True)]
    return {
        "scenario": outcome.plan.name,
        "verdict": outcome.verdict,
        "per_s": outcome.plan.per_s,
        "seconds": outcome.seconds,
        "faults": faults,
        "restarts": [asdict(restart) for restart in outcome.restarts],
        "early": outcome.early,
        "stored": None if outcome.audit is None else asdict(outcome.audit),
    }


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
