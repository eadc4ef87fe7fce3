"""Derives the tiers and usage, and notes the prices used, again and again, in the process of the sinks.

A round takes the store's time as the next cursor, derives every bucket that was touched since the cursor before, the
finest tier first, and then writes the cursor. If it is interrupted, the next round does the same again, which changes
nothing. Two processes may do it beside each other.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from callgauge.errors import StoreError
from callgauge.prices.found import Prices
from callgauge_history.price_notes import note_recent
from callgauge_history.store import Store
from callgauge_history.tiers.counting import COUNTED, COUNTS, count_sql
from callgauge_history.tiers.deriving import batches_of, derive_sql
from callgauge_history.tiers.ladder import BASES, TIERS, Base, Tier
from callgauge_history.tiers.touched import read_progress, touched_buckets
from callgauge_history.tiers.usage import DAY_MS, HOUR_MS, derive_usage

__all__ = ["Derived", "TierJob", "derive"]

log = logging.getLogger(__name__)

_TICK_S = 0.2
_MOST_TOLD = 20
"""Tables of prices that the log names. Whoever sends calls chooses what they are called."""


@dataclass(frozen=True)
class Derived:
    """What a round did: buckets by table; `too_old` are touched buckets that the finer tier no longer holds whole."""

    buckets: Mapping[str, int]
    too_old: int = 0


def derive(
    store: Store, base: Base, tiers: tuple[Tier, ...] = TIERS, kept_days: Mapping[str, int] | None = None
) -> Derived:
    """Bring these tiers up to what is stored now.

    Args:
        tiers: the first ones of TIERS: a tier is only right when the finer one is.
        kept_days: table -> days that it keeps its rows; 0 or missing: for ever.

    Raises:
        StoreError: the store refused, or cannot be reached; another round will do.
    """
    now_ms = _now_ms(store)
    progress = {each.tier: each for each in read_progress(store.query, base)}
    cursors = {tier.name: progress[tier.name].since_ms if tier.name in progress else 0 for tier in tiers}
    touched = touched_buckets(store.query, base, cursors)
    done: dict[str, int] = {}
    too_old = 0
    for tier in tiers:
        kept_from_ms = _kept_from_ms(base, tier, now_ms, kept_days or {})
        due = [bucket for bucket in touched.buckets[tier.name] if bucket >= kept_from_ms]
        too_old += len(touched.buckets[tier.name]) - len(due)
        for batch in batches_of(tier, due):
            store.command(derive_sql(base, tier, batch, voided=touched.voided))
            if base is COUNTED:
                store.command(count_sql(tier, batch))
        if base is COUNTED and (tier.name not in progress or progress[tier.name].counted_ms is None):
            store.command(count_sql(tier))
        _note(store, base, tier, now_ms, kept_from_ms)
        done[tier.table(base)] = len(due)
    return Derived(done, too_old)


def _note(store: Store, base: Base, tier: Tier, now_ms: int, kept_from_ms: int) -> None:
    """Write the cursors; those of a tier and of its counts are written together."""
    bases = [base.table, COUNTS] if base is COUNTED else [base.table]
    rows = ", ".join(f"('{each}', '{tier.name}', fromUnixTimestamp64Milli({now_ms}), {kept_from_ms})" for each in bases)
    store.command(f"INSERT INTO tier_progress (base, tier, cursor, kept_from_ms) VALUES {rows}")  # noqa: S608 (names and numbers of ours)


def _kept_from_ms(base: Base, tier: Tier, now_ms: int, kept_days: Mapping[str, int]) -> int:
    """The first bucket of which the finer table still has every row, whatever ClickHouse has deleted by now."""
    place = TIERS.index(tier)
    finer = TIERS[place - 1].table(base) if place else base.table
    return _whole_from_ms(now_ms, kept_days.get(finer, 0), tier.width_ms)


def _whole_from_ms(now_ms: int, days: int, width_ms: int) -> int:
    if not days:
        return 0
    # The clocks may differ a little, and the bucket must have begun inside what is kept.
    return -(-(now_ms - days * DAY_MS + HOUR_MS) // width_ms) * width_ms


def _now_ms(store: Store) -> int:
    return int(store.query("SELECT toUnixTimestamp64Milli(now64(3))").rows[0][0])


class TierJob:
    """The job as a worker. What fails is told in the log, and tried again in the next round."""

    def __init__(
        self,
        store: Store,
        kept_days: Mapping[str, int],
        clock: Callable[[], float] = time.monotonic,
        prices: Prices | None = None,
    ) -> None:
        """See above.

        Args:
            clock: seconds, monotonic.
            prices: where the prices are looked up that calls were counted by; None: they are not noted.
        """
        self._store = store
        self._prices = prices
        self._kept_days = kept_days
        self._clock = clock
        self._due = dict.fromkeys((tier.name for tier in TIERS), clock())
        self._told: set[str] = set()
        self._stop = threading.Event()
        self.ready = threading.Event()

    def run(self) -> None:
        """Derive until `stop` is called."""
        self.ready.set()
        while not self._stop.wait(_TICK_S):
            self.step()

    def stop(self) -> None:
        """End after the current statement. To be called from another thread."""
        self._stop.set()

    def step(self) -> None:
        """Derive what is due."""
        due = [tier for tier in TIERS if self._due[tier.name] <= self._clock()]
        if not due:
            return
        tiers = TIERS[: TIERS.index(due[-1]) + 1]
        for base in BASES:
            self._derive(base, tiers)
        if len(tiers) > 1:
            self._derive_usage(with_days=len(tiers) == len(TIERS))
            self._note_prices()
        for tier in tiers:
            self._due[tier.name] = self._clock() + tier.every_s

    def _derive(self, base: Base, tiers: tuple[Tier, ...]) -> None:
        started = self._clock()
        try:
            derived = derive(self._store, base, tiers, self._kept_days)
        except StoreError as error:
            log.warning("tiers of %s: %s; nothing is lost, they are derived in the next round", base.table, error)
            return
        if derived.too_old:
            what = "are older than what their finer tier keeps: rows that came so late are not in the tiers"
            log.warning("tiers of %s: %d touched buckets %s", base.table, derived.too_old, what)
        log.debug("tiers of %s: %s in %.3f s", base.table, dict(derived.buckets), self._clock() - started)

    def _derive_usage(self, *, with_days: bool) -> None:
        try:
            now_ms = _now_ms(self._store)
            hours_from_ms = _whole_from_ms(now_ms, self._kept_days.get("calls", 0), HOUR_MS)
            days_from_ms = _whole_from_ms(now_ms, self._kept_days.get("usage_1h", 0), DAY_MS)
            hours = derive_usage(self._store, now_ms, hours_from_ms, days_from_ms if with_days else None)
        except StoreError as error:
            log.warning("usage: %s; nothing is lost, it is derived in the next round", error)
            return
        log.debug("usage: %d hours", hours)

    def _note_prices(self) -> None:
        if self._prices is None:
            return
        try:
            noted = note_recent(self._store, self._prices)
        except StoreError as error:
            log.warning("prices used: %s; they are noted in the next round", error)
            return
        for source in sorted(noted.tables - self._told)[: _MOST_TOLD - len(self._told)]:
            self._told.add(source)
            log.warning("prices used: calls are priced by %s, which is not here: what it says cannot be noted", source)
