"""POST /v1/erasures and POST /v1/repricings: changes of the history by the process that holds an embedded store.

With a server `callgauge erase` and `callgauge reprice` change it themselves.
"""

from __future__ import annotations

import logging

from fastapi import APIRouter
from pydantic import BaseModel, Field

from callgauge.errors import StoreError
from callgauge.prices.call_prices import CallPrices
from callgauge.prices.found import load_prices
from callgauge_console.parts import ChangingStore, Given, Parts
from callgauge_console.web.access import Admin
from callgauge_console.web.problems import ProblemError
from callgauge_history.erasing import erase, found_of, remaining
from callgauge_history.price_notes import note_adjusted
from callgauge_history.repricing import reprice
from callgauge_history.store import StoreUnavailable

__all__ = ["router"]

router = APIRouter(prefix="/v1", tags=["corrections"])

#: The year 2223.
_LAST_MS = 8_000_000_000_000
#: The models without a price are in the answer.
_silent = logging.getLogger("callgauge.reprice")
_silent.addHandler(logging.NullHandler())
_silent.propagate = False


class Erasure(BaseModel):
    """Whose rows are removed."""

    user: str = Field(min_length=1, max_length=1_024, description="The user_id of the calls, as it is stored.")
    dry_run: bool = Field(default=False, description="Only tell what would be removed.")


class ErasedRows(BaseModel):
    """What was removed, or would be."""

    rows: dict[str, int] = Field(description="Table -> rows.")
    on_the_bus_until: dict[str, float | None] = Field(
        description="Topic -> until when it may hold the user's records, epoch seconds; null: until written anew."
    )


class Repricing(BaseModel):
    """Which calls are priced again."""

    from_ms: int = Field(ge=0, le=_LAST_MS, description="Of calls that ended from then on, epoch ms, ...")
    to_ms: int = Field(ge=0, le=_LAST_MS, description="... and before then.")
    everything: bool = Field(default=False, description="Also those whose cost the emitter sent.")
    dry_run: bool = Field(default=False, description="Only tell what would be adjusted.")
    made_by: str = Field(default="", max_length=256, description="Who asks for it.")


class ModelCost(BaseModel):
    """Of one model: calls that are adjusted, and what they cost before and after, in dollars."""

    calls: int
    before_usd: float
    after_usd: float


class Adjusted(BaseModel):
    """What was adjusted, or would be."""

    read: int
    adjusted: int
    models: dict[str, ModelCost]
    price_sources: dict[str, int]
    unpriced: dict[str, int] = Field(description="Model -> calls without a cost for which no price is known.")


@router.post("/erasures")
def erasures(parts: Given, grant: Admin, asked: Erasure) -> ErasedRows:
    """Remove what is stored of a user, and make sure that no row is left."""
    store = _changing(parts)
    left = remaining(store.query, parts.settings.topics, asked.user, parts.now())
    try:
        found = found_of(store.query, asked.user) if asked.dry_run else erase(store, asked.user)
    except StoreUnavailable:
        raise
    except StoreError as error:  # calls of the user are still coming
        raise ProblemError(409, str(error)) from error
    return ErasedRows(
        rows={each.table: each.rows for each in found}, on_the_bus_until={each.topic: each.until for each in left}
    )


@router.post("/repricings")
def repricings(parts: Given, grant: Admin, asked: Repricing) -> Adjusted:
    """Price past calls again, by the prices that this process has; what they cost then is an adjustment."""
    store = _changing(parts)
    if asked.from_ms >= asked.to_ms:
        raise ProblemError(422, "from_ms must be before to_ms")
    prices = load_prices(parts.settings.prices_file)
    done = reprice(
        store.query,
        CallPrices(prices, _silent).cost,
        asked.from_ms,
        asked.to_ms,
        made_at_ms=round(parts.now() * 1000),
        made_by=asked.made_by or grant.name,
        store=None if asked.dry_run else store,
        everything=asked.everything,
    )
    if not asked.dry_run:
        note_adjusted(store, prices, asked.from_ms, asked.to_ms)
    models = {
        name: ModelCost(calls=each.calls, before_usd=each.before, after_usd=each.after)
        for name, each in done.models.items()
    }
    sources, unpriced = dict(done.sources), dict(done.unpriced)
    return Adjusted(read=done.read, adjusted=done.adjusted, models=models, price_sources=sources, unpriced=unpriced)


def _changing(parts: Parts) -> ChangingStore:
    if not isinstance(parts.store, ChangingStore):
        raise ProblemError(409, "the store is a server: callgauge erase and callgauge reprice change it themselves")
    return parts.store
