"""Fills in what calls cost that came without a cost: one's own prices first, then the table's."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from callgauge.log_once import LogOnce
from callgauge.prices.found import Found, Prices

__all__ = ["NO_CALLS", "CallPrices"]

#: Operations of spans that contain calls, or are none: to price them would count tokens twice.
NO_CALLS = frozenset(
    {
        *("chain", "retrieval", "execute_tool", "tool", "create_agent", "invoke_agent", "agent"),
        *("invoke_workflow", "workflow"),
    }
)
_COUNTS = ("input_tokens", "output_tokens")
_EPOCH = date(1970, 1, 1)
_DAY_S = 86_400
# Prices that are kept. Who makes up names without end must not fill the host's memory.
_MOST_KEPT = 2_048
# Models that are counted by name; more of them are counted together.
_MOST_COUNTED = 100
_OTHER = "__other__"

#: provider, model, response_model, operation, status, days since 1970
_Key = tuple[str | None, str | None, str | None, str | None, str | None, float]


class CallPrices:
    """Says what calls cost. For one thread, but for `unpriced`.

    Args:
        prices: where prices are looked up, once for each model and day.
        logger: is told of each model without a price, once.
    """

    def __init__(self, prices: Prices, logger: logging.Logger) -> None:
        self._prices = prices
        self._log = LogOnce(logger)
        self._kept: dict[_Key, Found | None] = {}
        self._last_unpriced = ""
        self._unpriced: Counter[str] = Counter()

    @property
    def unpriced(self) -> dict[str, int]:
        """Model -> how many of its calls have no cost, since it has no price."""
        return dict(self._unpriced)

    def cost(self, call: Mapping[str, Any]) -> tuple[float, str] | None:
        """Dollars and price_source for the fields of a valid `Call`; None if it has a cost, or none can be told.

        None is the answer for what is no call of a provider (a span, an answer from a cache), for counts that are
        missing or contradict each other, and for a model without a price, which is counted and told once.
        """
        get = call.get
        if get("cost_usd") is not None or get("cache_hit"):
            return None
        day = call["ts"] // _DAY_S
        key = (get("provider"), get("model"), get("response_model"), get("operation"), get("status"), day)
        try:
            found = self._kept[key]
        except KeyError:
            found = self._keep(key)
        if found is None:
            self._tell(call)
            return None
        price = found.only or found.at(call["ts"] % _DAY_S)
        nano = price.nano(call)
        if nano is None or (not price.needed and _is_unanswered(call)):
            return None
        return nano / 1e9, found.source

    def _keep(self, key: _Key) -> Found | None:
        provider, model, answered, operation, status, day = key
        if len(self._kept) >= _MOST_KEPT:
            self._kept.clear()
        # Of a fallback the model asked for is not the one that is paid.
        asked = None if status == "fallback" and answered else model
        names = () if operation in NO_CALLS else [name for name in (answered, asked) if name]
        found = self._kept[key] = self._prices.find(provider or "", names, _EPOCH + timedelta(day))
        return found

    def _tell(self, call: Mapping[str, Any]) -> None:
        """Count a call whose model has no price; but once, when a full transport makes it be written twice."""
        model = call.get("response_model") or call.get("model")
        if not model or call.get("operation") in NO_CALLS or all(call.get(name) is None for name in _COUNTS):
            return
        if call["event_id"] == self._last_unpriced:
            return
        self._last_unpriced = call["event_id"]
        counted = model if model in self._unpriced or len(self._unpriced) < _MOST_COUNTED else _OTHER
        self._unpriced[counted] += 1
        if self._prices.has_table:
            what = "no price of model %r of provider %r: cost_usd stays empty; CALLGAUGE_PRICES_FILE can name one"
            self._log.warn(f"model {model}", what, model, call.get("provider") or "")
        else:
            what = "calls without cost_usd get none: genai-prices is not installed: pip install 'callgauge[prices]'"
            self._log.warn("no table", what)


def _is_unanswered(call: Mapping[str, Any]) -> bool:
    """Whether nothing tells that the provider answered: a price that needs no counts would be charged for nothing."""
    return all(call.get(name) is None for name in _COUNTS) and call.get("status") in ("error", "cancelled")
