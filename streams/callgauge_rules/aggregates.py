"""The aggregates a rule can name: from totals to one number.

    calls                        events
    error_rate, errors           failed calls, as a share of calls or their number
    error_rate.<type>            of one error type, e.g. error_rate.timeout
    rate_limited_rate, fallback_rate, cancelled_rate, cache_hit_rate          shares of calls
    rate_limit_used              largest share of a provider's rate limit seen used up
    retries_mean                 retries per call
    input_tokens, output_tokens, output_tokens_mean           tokens
    cost_usd, cost_mean_usd      dollars, in all and per call with a cost
    latency_mean_ms, ttft_mean_ms
    latency_p50_ms ... latency_p99_ms, ttft_p..._ms, output_tokens_p..., cost_p..._usd     percentiles

Latencies are of successful calls. Percentiles come from merged histograms (error bound: callgauge_windows.histogram).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import get_args

from callgauge.schema import ErrorType
from callgauge_rules.names import nearest
from callgauge_rules.texts import shown
from callgauge_windows.histogram import quantile
from callgauge_windows.totals import MeasureTotals, Totals

__all__ = ["AGGREGATES", "Aggregate", "aggregate"]


@dataclass(frozen=True)
class Aggregate:
    """One number about a series.

    Attributes:
        of: computes its value from totals; None if there is nothing to judge.
        measure: the measured quantity it needs, "" for counts.
        unit: for people: "", "%", "ms", "$", "tokens".
        counts: it counts or adds up. While a source is silent such a number is too small, so it is not judged; a
        percentile is only less certain.
    """

    name: str
    of: Callable[[Totals], float | None]
    measure: str = ""
    unit: str = ""
    counts: bool = False


_MEASURED = {  # name in rules -> measure, factor from the row's integer, suffix, unit
    "latency": ("latency", 1e-3, "_ms", "ms"),
    "ttft": ("ttft", 1e-3, "_ms", "ms"),
    "output_tokens": ("output_tokens", 1.0, "", "tokens"),
    "cost": ("cost", 1e-9, "_usd", "$"),
}
#: What other systems call an aggregate.
_MEANT = {
    **dict.fromkeys(("count", "requests", "call_count", "n"), "calls"),
    **dict.fromkeys(("latency", "duration", "latency_ms", "p95"), "latency_p95_ms"),
    **dict.fromkeys(("failure_rate", "failures", "error_ratio", "error_share"), "error_rate"),
    **dict.fromkeys(("cost", "spend"), "cost_usd"),
}
_RANK = re.compile(r"p(\d{1,2}(?:\.\d)?)(?![\d.])")
_PERCENTILE = re.compile(r"(latency|ttft|output_tokens|cost)_p(\d{1,2}(?:\.\d)?)(_ms|_usd)?")


def aggregate(name: str) -> Aggregate:
    """The aggregate with this name.

    Raises:
        ValueError: there is none.
    """
    if name in AGGREGATES:
        return AGGREGATES[name]
    if found := _PERCENTILE.fullmatch(name):
        measure, factor, suffix, unit = _MEASURED[found[1]]
        if (found[3] or "") == suffix:
            return Aggregate(name, _percentile(measure, float(found[2]) / 100, factor), measure, unit)
    kind = name.removeprefix("error_rate.")
    if kind != name and kind in get_args(ErrorType):
        return Aggregate(name, lambda totals: _share(totals, totals.errors[kind]), unit="%")
    raise ValueError(f"{shown(name)} is no aggregate; {_instead_of(name)}")


def _instead_of(name: str) -> str:
    """What was meant by a name that is not known, or else what there is."""
    found = _RANK.search(name)
    rank = found[1] if found else "95"
    percentiles = [f"{measured}_p{rank}{suffix}" for measured, (_, _, suffix, _) in _MEASURED.items()]
    kinds = [f"error_rate.{kind}" for kind in get_args(ErrorType)]
    if guess := nearest(name, [*AGGREGATES, *percentiles, *kinds], _MEANT):
        return f"did you mean {guess}?"
    return f"there are {', '.join(AGGREGATES)}, error_rate.<type>, {', '.join(percentiles)} (any percentile)"


def _share(totals: Totals, part: int) -> float | None:
    return part / totals.n if totals.n else None


def _share_of(count: str) -> Callable[[Totals], float | None]:
    return lambda totals: _share(totals, totals.counts[count])


def _percentile(measure: str, q: float, factor: float) -> Callable[[Totals], float | None]:
    def of(totals: Totals) -> float | None:
        measured = totals.measures.get(measure)
        value = quantile(measured.zero_count, measured.buckets, q) if measured else None
        return None if value is None else value * factor

    return of


def _mean(measure: str, factor: float) -> Callable[[Totals], float | None]:
    def of(totals: Totals) -> float | None:
        measured = totals.measures.get(measure)
        return measured.sum / measured.count * factor if measured and measured.count else None

    return of


def _sum(measure: str, factor: float) -> Callable[[Totals], float | None]:
    return lambda totals: totals.measures.get(measure, MeasureTotals()).sum * factor


#: The aggregates by name, without percentiles and the shares of error types, whose names have parameters.
AGGREGATES = {
    plain.name: plain
    for plain in (
        Aggregate("calls", lambda totals: float(totals.n), counts=True),
        Aggregate("errors", lambda totals: float(totals.errors.total()), counts=True),
        Aggregate("error_rate", lambda totals: _share(totals, totals.errors.total()), unit="%"),
        Aggregate("rate_limited_rate", _share_of("rate_limited"), unit="%"),
        Aggregate("fallback_rate", _share_of("fallbacks"), unit="%"),
        Aggregate("cancelled_rate", _share_of("cancelled"), unit="%"),
        Aggregate("cache_hit_rate", _share_of("cache_hits"), unit="%"),
        Aggregate("rate_limit_used", lambda t: t.rate_limit_used_ppm / 1e6 if t.n else None, unit="%"),
        Aggregate("retries_mean", _share_of("retries")),
        Aggregate("input_tokens", lambda t: float(t.counts["input_tokens"]), unit="tokens", counts=True),
        Aggregate("output_tokens", _sum("output_tokens", 1.0), "output_tokens", "tokens", counts=True),
        Aggregate("output_tokens_mean", _mean("output_tokens", 1.0), "output_tokens", "tokens"),
        Aggregate("cost_usd", _sum("cost", 1e-9), "cost", "$", counts=True),
        Aggregate("cost_mean_usd", _mean("cost", 1e-9), "cost", "$"),
        Aggregate("latency_mean_ms", _mean("latency", 1e-3), "latency", "ms"),
        Aggregate("ttft_mean_ms", _mean("ttft", 1e-3), "ttft", "ms"),
    )
}
