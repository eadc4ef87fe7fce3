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
from dataclasses import dataclass
from typing import get_args

from callgauge.schema import ErrorType
from callgauge_rules.formulas import Percentile, Quotient
from callgauge_rules.names import nearest
from callgauge_rules.texts import shown
from callgauge_windows.totals import Totals

__all__ = ["AGGREGATES", "Aggregate", "aggregate"]


@dataclass(frozen=True)
class Aggregate:
    """One number about a series.

    Attributes:
        formula: how it is computed.
        measure: the measured quantity it is about, "" for counts.
        unit: for people: "", "%", "ms", "$", "tokens".
        counts: it counts or adds up. While a source is silent such a number is too small, so it is not judged; a
        percentile is only less certain.
    """

    name: str
    formula: Quotient | Percentile
    measure: str = ""
    unit: str = ""
    counts: bool = False

    def of(self, totals: Totals) -> float | None:
        """Its value; None if there is nothing to judge."""
        return self.formula.of(totals)


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
            return Aggregate(name, Percentile(measure, float(found[2]) / 100, factor), measure, unit)
    kind = name.removeprefix("error_rate.")
    if kind != name and kind in get_args(ErrorType):
        return Aggregate(name, Quotient(f"error.{kind}", per="n"), unit="%")
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


def _mean(measure: str, factor: float) -> Quotient:
    return Quotient(f"{measure}.sum", per=f"{measure}.count", factor=factor)


#: The aggregates by name, without percentiles and the shares of error types, whose names have parameters.
AGGREGATES = {
    plain.name: plain
    for plain in (
        Aggregate("calls", Quotient("n"), counts=True),
        Aggregate("errors", Quotient("errors"), counts=True),
        Aggregate("error_rate", Quotient("errors", per="n"), unit="%"),
        Aggregate("rate_limited_rate", Quotient("rate_limited", per="n"), unit="%"),
        Aggregate("fallback_rate", Quotient("fallbacks", per="n"), unit="%"),
        Aggregate("cancelled_rate", Quotient("cancelled", per="n"), unit="%"),
        Aggregate("cache_hit_rate", Quotient("cache_hits", per="n"), unit="%"),
        Aggregate("rate_limit_used", Quotient("rate_limit_used_max_ppm", divisor=1e6, needs="n"), unit="%"),
        Aggregate("retries_mean", Quotient("retries", per="n")),
        Aggregate("input_tokens", Quotient("input_tokens"), unit="tokens", counts=True),
        Aggregate("output_tokens", Quotient("output_tokens.sum"), "output_tokens", "tokens", counts=True),
        Aggregate("output_tokens_mean", _mean("output_tokens", 1.0), "output_tokens", "tokens"),
        Aggregate("cost_usd", Quotient("cost.sum", factor=1e-9), "cost", "$", counts=True),
        Aggregate("cost_mean_usd", _mean("cost", 1e-9), "cost", "$"),
        Aggregate("latency_mean_ms", _mean("latency", 1e-3), "latency", "ms"),
        Aggregate("ttft_mean_ms", _mean("ttft", 1e-3), "ttft", "ms"),
    )
}
