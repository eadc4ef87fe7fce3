"""What every benchmark does with its figures: a table for people, JSON for comparisons."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

__all__ = ["FOLDER", "percentile", "report"]

FOLDER = Path(__file__).parents[2] / "build" / "bench"

Row = Mapping[str, object]


def report(
    name: str,
    rows: Sequence[Row],
    *,
    title: str = "",
    notes: str = "",
    summary: Mapping[str, object] | None = None,
    folder: Path = FOLDER,
) -> Path:
    """Print `rows` as a table and write them to <folder>/<name>.json. Returns that path.

    `summary`: figures that are looked for by name; they go to the top of the JSON.

    Columns are the keys of all rows, in order of first appearance; put the unit in the key.
    """
    columns = list(dict.fromkeys(key for row in rows for key in row))
    table = Table(*columns, title=title or name, caption=notes or None)
    for row in rows:
        table.add_row(*(_cell(row.get(column)) for column in columns))
    console = Console()
    # A file has no width; the tables need more than the 80 columns that rich assumes.
    (console if console.is_terminal else Console(width=140)).print(table)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(
        json.dumps(
            {**(summary or {}), "name": name, "machine": _machine(), "notes": notes, "rows": list(rows)}, indent=2
        )
    )
    return path


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value at `share` (0..1) of an ascending, non-empty sequence, by the nearest rank."""
    return ordered[min(len(ordered) - 1, max(0, round(share * len(ordered) + 0.5) - 1))]


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.2f}" if abs(value) < 1_000 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def _machine() -> dict[str, object]:
    return {"python": platform.python_version(), "system": platform.system(), "cores": os.cpu_count()}
