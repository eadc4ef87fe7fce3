"""By which prices calls were counted."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from decimal import Decimal

from callgauge_history.questions.labels import CALL_LABELS, Where, conditions
from callgauge_history.questions.period import Period
from callgauge_history.questions.reading import decimal_usd
from callgauge_history.quoted import at
from callgauge_history.store import Ask

__all__ = ["PricePart", "PriceUsed", "ShownPrice", "prices_used", "shown"]


@dataclass(frozen=True)
class PricePart:
    """A line of a price.

    Attributes:
        kind: what is paid: input_tokens, cache_read_tokens, ...; "call": each call, whatever its tokens.
        dollars: per million tokens; of "call" per call.
        above: calls with more input tokens than this pay it; None: all that no other line of the kind names.
        from_second: of the day, UTC: it counts from then on.
    """

    kind: str
    dollars: Decimal
    above: int | None
    from_second: int


@dataclass(frozen=True)
class PriceUsed:
    """Calls that were counted by one price: by the last one, where they were priced again.

    Attributes:
        price_source: table, version and day; "": the emitter sent the cost itself.
        entry: what was found in the table; "" if that was not noted (`callgauge_history.price_notes`).
        parts: what the entry says.
    """

    price_source: str
    provider: str
    model: str
    response_model: str
    calls: int
    cost_usd: Decimal
    entry: str
    parts: tuple[PricePart, ...]


def prices_used(
    ask: Ask, period: Period, where: Where | None = None, *, event_id: str = "", limit: int = 1_000
) -> list[PriceUsed]:
    """The prices by which the calls of a period were counted, those that brought the largest cost first.

    Args:
        event_id: of this call alone.

    Raises:
        QuestionError: a name is no label of calls.
        StoreError: the store cannot be asked.
    """
    condition, parameters = conditions(where or {}, CALL_LABELS)
    if event_id:
        condition, parameters = f"{condition} AND event_id = {{event_id:String}}", parameters | {"event_id": event_id}
    within = f"event_time >= {at(period.start_ms)} AND event_time < {at(period.end_ms)}"
    rows = ask(
        "SELECT toString(price_source) AS source, toString(provider) AS seller, toString(model) AS asked, "  # noqa: S608 (names of ours)
        "toString(response_model) AS answered, status = 'fallback' AS fallback, toInt64(count()), "
        "toInt64(sum(cost_nano)) AS cost FROM calls_priced "
        f"WHERE {within} AND {condition} AND cost_nano IS NOT NULL "
        "GROUP BY source, seller, asked, answered, fallback "
        "ORDER BY cost DESC, source, seller, asked, answered LIMIT {limit:UInt32}",
        parameters | {"limit": limit},
    ).rows
    noted = _noted(ask, sorted({str(row[0]) for row in rows} - {""}))
    found = []
    for source, seller, asked, answered, fallback, calls, cost in rows:
        entry, parts = noted.get((source, seller, asked, answered, bool(fallback)), ("", []))
        found.append(
            PriceUsed(source, seller, asked, answered, int(calls), decimal_usd(cost) or Decimal(0), entry, tuple(parts))
        )
    return found


@dataclass(frozen=True)
class ShownPrice(PriceUsed):
    """The same, with its lines as one text."""

    price: str


def shown(used: PriceUsed) -> ShownPrice:
    """For people: "input_tokens 2.5, output_tokens 10"."""
    known = ", ".join(_line(part) for part in used.parts)
    missing = "" if used.price_source == "" else "not noted: that table was not where the calls were stored"
    return ShownPrice(**vars(used), price=known or missing or "sent with the call")


def _line(part: PricePart) -> str:
    above = "" if part.above is None else f" above {part.above:,}"
    since = f" from {part.from_second // 3_600:02}:{part.from_second % 3_600 // 60:02}" if part.from_second else ""
    return f"{part.kind}{above}{since} {part.dollars.normalize():f}"


_Key = tuple[str, str, str, str, bool]


def _noted(ask: Ask, sources: list[str]) -> dict[_Key, tuple[str, list[PricePart]]]:
    """What the table `prices_used` has of these tables and days."""
    if not sources:
        return {}
    rows = ask(
        "SELECT price_source, provider, model, response_model, is_fallback, entry, kind, dollars, above, from_second "
        "FROM prices_used FINAL WHERE price_source IN {sources:Array(String)} ORDER BY kind, above, from_second",
        {"sources": sources},
    ).rows
    entries: dict[_Key, str] = {}
    parts: dict[_Key, list[PricePart]] = defaultdict(list)
    for source, provider, model, answered, fallback, entry, kind, dollars, above, second in rows:
        key = (str(source), str(provider), str(model), str(answered), bool(fallback))
        entries[key] = str(entry)
        parts[key].append(PricePart(str(kind), Decimal(dollars), None if int(above) < 0 else int(above), int(second)))
    return {key: (entry, parts[key]) for key, entry in entries.items()}
