"""Notes by which prices calls were counted (the table `prices_used`), so that it can be told when they have changed.

A call says by which table, version and day it was priced (`price_source`). The same table of the same version says the
same of the same model and day; so whoever has it looks the price up again as the emitter did, and notes what it finds.
Where this process has another version, or not the file, nothing is noted: a price that was not used must not be told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple, Protocol

import pyarrow as pa

from callgauge.prices.found import Found, Prices
from callgauge.prices.price import Price, Tiered
from callgauge_history.quoted import at
from callgauge_history.store import Ask

__all__ = ["Named", "Noted", "Noting", "Part", "note_adjusted", "note_prices", "note_recent", "parts_of"]

_NAMES = ("price_source", "provider", "model", "response_model", "is_fallback")
_NAMED = "price_source, provider, model, response_model, status = 'fallback' AS is_fallback"
_OVERLAP_S = 300
_PER_CALL = "call"


class Noting(Protocol):
    """A store that can be changed; see `callgauge_history.store.Store`."""

    @property
    def query(self) -> Ask: ...
    def command(self, sql: str) -> None: ...
    def insert(self, table: str, rows: Any) -> None: ...


class Named(NamedTuple):
    """Calls that have one price: how they name it and their model."""

    price_source: str
    provider: str
    model: str
    response_model: str
    is_fallback: bool


class Noted(NamedTuple):
    """How many prices were noted now, and of which nothing could be: the table is another here."""

    prices: int
    unknown: tuple[Named, ...]

    @property
    def tables(self) -> set[str]:
        """The tables of those; a provider's own figure is of none."""
        return {table for each in self.unknown if (table := each.price_source.rpartition(", ")[0])}


class Part(NamedTuple):
    """A line of a price; see the table."""

    kind: str
    above: int
    from_second: int
    dollars: Decimal


def note_recent(store: Noting, prices: Prices) -> Noted:
    """Note the prices of the calls that were stored since this was done last.

    Raises:
        StoreError: the store refused, or cannot be reached; another time will do.
    """
    [[now_s, noted_s]] = store.query(
        "SELECT toUnixTimestamp(now()), toUnixTimestamp(toDateTime(max(cursor))) FROM tier_progress "
        "WHERE base = 'prices'"
    ).rows
    since_s = max(0, int(noted_s) - _OVERLAP_S)
    named = f"SELECT DISTINCT {_NAMED} FROM calls WHERE price_source != '' AND stored_at >= {since_s}"  # noqa: S608 (names and numbers of ours)
    noted = note_prices(store, prices, named)
    store.command(
        "INSERT INTO tier_progress (base, tier, cursor, kept_from_ms) "  # noqa: S608 (numbers of ours)
        f"VALUES ('prices', 'used', fromUnixTimestamp64Milli({int(now_s) * 1000}), 0)"
    )
    return noted


def note_adjusted(store: Noting, prices: Prices, from_ms: int, to_ms: int) -> Noted:
    """Note the prices that calls which ended in [from, to) were priced by later.

    Raises:
        StoreError: the store refused, or cannot be reached; doing it again will do.
    """
    within = f"event_time >= {at(from_ms)} AND event_time < {at(to_ms)}"
    return note_prices(
        store,
        prices,
        f"SELECT DISTINCT {_NAMED} FROM calls_priced WHERE {within} AND cost_adjusted",  # noqa: S608 (names and numbers of ours)
    )


def note_prices(store: Noting, prices: Prices, named: str) -> Noted:
    """Note the prices of what a statement names; its columns are those of `Named`."""
    known = f"SELECT {', '.join(_NAMES)} FROM prices_used"  # noqa: S608 (names of ours)
    missing = [_named(row) for row in store.query(f"{named} EXCEPT DISTINCT {known}").rows]
    rows, unknown = [], []
    for each in missing:
        found = _found(prices, each)
        if found is None:
            unknown.append(each)
        else:
            rows += [(*each, *part, found.name) for part in parts_of(found)]
    if rows:
        store.insert("prices_used", _table(rows))
    return Noted(len(missing) - len(unknown), tuple(unknown))


def _named(row: Sequence[Any]) -> Named:
    source, provider, model, answered, is_fallback = row
    return Named(str(source), str(provider), str(model), str(answered), bool(is_fallback))


def _found(prices: Prices, named: Named) -> Found | None:
    """The price, if the table here is the one that was used."""
    try:
        day = date.fromisoformat(named.price_source.rpartition(", ")[2])
    except ValueError:
        return None
    # As in `callgauge.prices.call_prices`: of a fallback the model asked for is not the one that is paid.
    asked = "" if named.is_fallback and named.response_model else named.model
    found = prices.find(named.provider, [name for name in (named.response_model, asked) if name], day)
    return found if found is not None and found.source == named.price_source else None


def parts_of(found: Found) -> Iterator[Part]:
    """The lines of a price."""
    for since, price in found.periods:
        for kind, above, dollars in _lines(price):
            yield Part(kind, above, int(since), dollars)


def _lines(price: Price) -> Iterator[tuple[str, int, Decimal]]:
    for kind, listed in price.prices.items():
        if isinstance(listed, Tiered):
            yield kind, -1, listed.base
            yield from ((kind, start, dollars) for start, dollars in listed.tiers)
        else:
            yield kind, -1, listed
    if price.per_call:
        yield _PER_CALL, -1, price.per_call


def _table(rows: Sequence[tuple[Any, ...]]) -> pa.Table:
    texts, numbers = pa.string(), pa.int64()
    types = dict.fromkeys(_NAMES[:-1], texts) | {"is_fallback": pa.bool_(), "kind": texts, "above": numbers}
    types |= {"from_second": pa.uint32(), "dollars": pa.decimal128(38, 12), "entry": texts}
    columns = zip(*rows, strict=True)
    made = {}
    for (name, kind), values in zip(types.items(), columns, strict=True):
        given = [value.quantize(Decimal("1e-12")) for value in values] if name == "dollars" else list(values)
        made[name] = pa.array(given, kind)
    return pa.table(made)
