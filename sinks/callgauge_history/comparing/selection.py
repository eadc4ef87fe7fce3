"""A selection of calls and of the scores about them, and their values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from callgauge_history.questions.call_rows import NO_STEPS
from callgauge_history.quoted import at, quoted
from callgauge_history.statistics.differences import Floats
from callgauge_history.store import Ask

__all__ = ["Ask", "Selection", "call_counts", "call_values", "score_names", "score_values"]

_COUNTS = "SELECT count(), countIf(status = 'error') FROM calls FINAL"


@dataclass(frozen=True)
class Selection:
    """Calls that ended in [from, to), epoch ms, with these labels; steps around calls are left out."""

    from_ms: int
    to_ms: int
    where: Mapping[str, str]

    def narrowed(self, label: str, value: str) -> Selection:
        """Those with one label more."""
        return replace(self, where={**self.where, label: value})

    def calls_sql(self) -> str:
        """The condition on `calls`."""
        conditions = [f"event_time >= {at(self.from_ms)}", f"event_time < {at(self.to_ms)}"]
        conditions += [f"{label} = {quoted(value)}" for label, value in self.where.items()]
        return " AND ".join([*conditions, NO_STEPS])

    def scores_sql(self) -> str:
        """The condition on `scores`."""
        conditions = [f"ts >= {at(self.from_ms)}", f"ts < {at(self.to_ms)}"]
        for label, value in self.where.items():
            conditions.append(f"{'service' if label == 'service' else f'labels[{quoted(label)}]'} = {quoted(value)}")
        return " AND ".join(conditions)


def call_counts(ask: Ask, chosen: Selection) -> tuple[int, int]:
    """How many calls, and how many of them failed."""
    [[calls, failed]] = ask(f"{_COUNTS} WHERE {chosen.calls_sql()}").rows
    return int(calls), int(failed)


def call_values(ask: Ask, chosen: Selection, value: str, given: str) -> Floats:
    """A number of each call.

    Args:
        value, given: expressions on `calls_priced`: the number, and whether a call has it.
    """
    where = f"{chosen.calls_sql()} AND {given}"
    return _values(ask, f"SELECT {value} AS value, count() FROM calls_priced WHERE {where} GROUP BY value")  # noqa: S608


def score_values(ask: Ask, chosen: Selection, name: str, origin: str = "") -> Floats:
    """The scores of a name; `origin`: of who judged so, "" for all."""
    where = f"{chosen.scores_sql()} AND name = {quoted(name)}" + (f" AND origin = {quoted(origin)}" if origin else "")
    return _values(ask, f"SELECT value, count() FROM scores FINAL WHERE {where} GROUP BY value")  # noqa: S608


def score_names(ask: Ask, chosen: Selection) -> list[str]:
    """The names of the scores that there are."""
    rows = ask(f"SELECT DISTINCT name FROM scores FINAL WHERE {chosen.scores_sql()} ORDER BY name").rows  # noqa: S608
    return [str(row[0]) for row in rows]


def _values(ask: Ask, sql: str) -> Floats:
    """Each value as often as it came. Equal ones cross the wire once."""
    rows = ask(sql).rows
    found: Floats = np.repeat([float(row[0]) for row in rows], [int(row[1]) for row in rows]).astype(np.float64)
    return found
