"""Prices calls again: those without a cost, and those whose cost a table of prices gave. The calls stay as they are.

What a call costs from then on is an adjustment: with the price's table, version and date, what it was before, who asked
for it and when. The view `calls_priced` has the last one. A cost that the emitter sent itself stays, unless all are
asked for. Doing it again adjusts nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import pyarrow as pa

from callgauge.counted import LABELS
from callgauge.units import nanodollars
from callgauge_history.quoted import at, quoted
from callgauge_history.store import Ask

__all__ = ["ModelSum", "Repriced", "reprice"]

#: Gives dollars and price_source for a call's fields, without a cost; None if no price is known.
PriceOf = Callable[[Mapping[str, Any]], tuple[float, str] | None]
_PAGE = 20_000
_TIME = pa.timestamp("ms", tz="UTC")
_KEPT = ("event_id", *LABELS, "user_id", "session_id")
_PRICED_BY = (
    "status",
    "cache_hit",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "reasoning_tokens",
)
_COLUMNS = (
    *_KEPT,
    *_PRICED_BY,
    "cost_nano",
    "price_source",
    "cost_usd_as_sent",
    "toUnixTimestamp64Milli(ts)",
    "toUnixTimestamp64Milli(event_time)",
)


class _Inserts(Protocol):
    def insert(self, table: str, rows: Any) -> None: ...


@dataclass
class ModelSum:
    """Of one model: calls that are adjusted, and what they cost before (0 where not known) and after, in dollars."""

    calls: int = 0
    before: float = 0.0
    after: float = 0.0


@dataclass
class Repriced:
    """What was done, or would be.

    Attributes:
        read: calls that were looked at.
        unpriced: model -> calls without a cost for which no price is known.
    """

    read: int = 0
    unpriced: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    models: dict[str, ModelSum] = field(default_factory=lambda: defaultdict(ModelSum))
    sources: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    @property
    def adjusted(self) -> int:
        """Calls."""
        return sum(each.calls for each in self.models.values())


def reprice(
    ask: Ask,
    price_of: PriceOf,
    from_ms: int,
    to_ms: int,
    *,
    made_at_ms: int,
    made_by: str,
    store: _Inserts | None,
    everything: bool = False,
) -> Repriced:
    """Price the calls that ended in [from, to) again.

    Args:
        store: where adjustments are written; None: nowhere, to see what would be done.
        everything: also calls whose cost the emitter sent.

    Raises:
        StoreError: the store cannot be asked or refuses. What was written counts; do it again for the rest.
    """
    done = Repriced()
    for page in _pages(ask, from_ms, to_ms, everything):
        rows = []
        for call in page:
            done.read += 1
            if (adjusted := _adjusted(call, price_of, done)) is not None:
                rows.append(call | adjusted | {"made_at": made_at_ms, "made_by": made_by})
        if rows and store is not None:
            store.insert("cost_adjustments", _table(rows))
    return done


def _adjusted(call: Mapping[str, Any], price_of: PriceOf, done: Repriced) -> dict[str, Any] | None:
    """The adjustment of a call; None if it stays as it is."""
    given = (
        dict.fromkeys(("cost_usd",))
        | {name: call[name] for name in (*_KEPT, *_PRICED_BY)}
        | {"ts": call["ts_ms"] / 1000}
    )
    found = price_of(given)
    model = call["response_model"] or call["model"]
    before = call["cost_nano"]
    if found is None:
        if before is None and not call["cache_hit"]:
            done.unpriced[model] += 1
        return None
    nano = nanodollars(found[0])
    if nano == before:
        return None
    tally = done.models[model]
    tally.calls += 1
    tally.before += (before or 0) / 1e9
    tally.after += nano / 1e9
    done.sources[found[1].rpartition(",")[0]] += 1
    return {
        "cost_nano": nano,
        "delta_nano": nano - nanodollars(call["cost_usd_as_sent"] or 0.0),
        "cost_nano_before": before,
        "price_source": found[1],
        "price_source_before": call["price_source"],
    }


def _pages(ask: Ask, from_ms: int, to_ms: int, everything: bool) -> Iterator[list[dict[str, Any]]]:
    """The calls in question, in order of their ends, a page at a time."""
    wanted = "1" if everything else "(cost_nano IS NULL OR price_source != '')"
    after_ms, after_id = from_ms, ""
    while True:
        place = f"(event_time, event_id) > ({at(after_ms)}, {quoted(after_id)})"
        where = f"event_time >= {at(after_ms)} AND event_time < {at(to_ms)} AND {place} AND {wanted}"
        sql = (
            f"SELECT {', '.join(_COLUMNS)} FROM calls_priced WHERE {where} ORDER BY event_time, event_id LIMIT {_PAGE}"  # noqa: S608 (texts are quoted)
        )
        names = (*_COLUMNS[:-2], "ts_ms", "event_time_ms")
        rows = [dict(zip(names, row, strict=True)) for row in ask(sql).rows]
        if rows:
            yield rows
        if len(rows) < _PAGE:
            return
        after_ms, after_id = int(rows[-1]["event_time_ms"]), rows[-1]["event_id"]


def _table(rows: list[dict[str, Any]]) -> pa.Table:
    texts = (*_KEPT, "made_by", "price_source", "price_source_before")
    columns = {name: pa.array([row[name] for row in rows], pa.string()) for name in texts}
    for name in ("cost_nano", "delta_nano", "cost_nano_before"):
        columns[name] = pa.array([row[name] for row in rows], pa.int64())
    columns["made_at"] = pa.array([row["made_at"] for row in rows], _TIME)
    columns["event_time"] = pa.array([row["event_time_ms"] for row in rows], _TIME)
    return pa.table(columns)
