"""The aggregates a rule can name: from totals to one number. docs/rules.md lists them; it is made of the tables here.

Latencies are of successful calls. Percentiles come from merged histograms (error bound: callgauge_windows.histogram).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import get_args

from callgauge.line_texts import shown
from callgauge.near_names import nearest
from callgauge.schema import CacheLevel, ErrorType
from callgauge_rules.formulas import Percentile, Quotient
from callgauge_rules.score_aggregates import BREAKER, SCORE_FORMS, is_score, score_formula
from callgauge_windows.totals import Totals

__all__ = ["AGGREGATES", "FAMILIES", "Aggregate", "aggregate"]


@dataclass(frozen=True)
class Aggregate:
    """One number about a series.

    Attributes:
        formula: how it is computed.
        measure: the measured quantity it is about, "" for counts.
        unit: for people: "", "%", "ms", "$", "tokens".
        counts: it counts or adds up. While a source is silent such a number is too small, so it is not judged; a
            percentile is only less certain.
        about: what it is, for people.
        events: the sum that says how many events it rests on.
        signed: it may be below 0.
        per_second: it is divided by the lookback, which `over` tells it.
    """

    name: str
    formula: Quotient | Percentile
    measure: str = ""
    unit: str = ""
    counts: bool = False
    about: str = ""
    events: str = "n"
    signed: bool = False
    per_second: bool = False

    @property
    def of_scores(self) -> bool:
        """Whether it is about scores, which come from other sources than calls."""
        return self.measure.startswith("score.")

    def of(self, totals: Totals) -> float | None:
        """Its value; None if there is nothing to judge."""
        return self.formula.of(totals)

    def over(self, lookback_ms: int) -> Aggregate:
        """The same, over a lookback."""
        if not self.per_second or not isinstance(self.formula, Quotient):
            return self
        return replace(self, formula=replace(self.formula, divisor=lookback_ms / 1_000))


_MEASURED = {  # name in rules -> measure, factor from the row's integer, suffix, unit
    "latency": ("latency", 1e-3, "_ms", "ms"),
    "ttft": ("ttft", 1e-3, "_ms", "ms"),
    "output_tokens": ("output_tokens", 1.0, "", "tokens"),
    "cost": ("cost", 1e-9, "_usd", "$"),
}
#: Names with parameters, and what they mean.
FAMILIES = {
    "error_rate.<type>": "calls that failed with this type of error, as a share of calls: "
    + ", ".join(f"`{kind}`" for kind in get_args(ErrorType)),
    "latency_p95_ms, ttft_p95_ms": "a percentile, any from p0 to p99.9: latency of answered calls, time to the "
    "first token",
    "output_tokens_p95, cost_p95_usd": "a percentile of a call's output tokens, or cost",
    **SCORE_FORMS,
}
#: What other systems call an aggregate.
_MEANT = {
    **dict.fromkeys(("count", "requests", "call_count", "n"), "calls"),
    **dict.fromkeys(("latency", "duration", "latency_ms", "p95"), "latency_p95_ms"),
    **dict.fromkeys(("failure_rate", "failures", "error_ratio", "error_share"), "error_rate"),
    **dict.fromkeys(("completion", "completion_rate", "availability"), "success_rate"),
    **dict.fromkeys(("cost", "spend"), "cost_usd"),
    **dict.fromkeys(("rps", "qps", "requests_per_second"), "calls_per_s"),
    **dict.fromkeys(("total_tokens",), "tokens"),
    **dict.fromkeys(("headroom",), "rate_limit_headroom"),
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
    if is_score(name):
        measure, formula, unit = score_formula(name)
        counts = isinstance(formula, Quotient) and not formula.per
        return Aggregate(
            name, formula, measure, unit, counts, events=f"{measure}.count", signed=unit != "%" and not counts
        )
    raise ValueError(f"{shown(name)} is no aggregate; {_instead_of(name)}")


def _instead_of(name: str) -> str:
    """What was meant by a name that is not known, or else what there is."""
    found = _RANK.search(name)
    rank = found[1] if found else "95"
    percentiles = [f"{measured}_p{rank}{suffix}" for measured, (_, _, suffix, _) in _MEASURED.items()]
    kinds = [f"error_rate.{kind}" for kind in get_args(ErrorType)]
    if guess := nearest(name, [*AGGREGATES, *percentiles, *kinds], _MEANT):
        return f"did you mean {guess}?"
    there = f"there are {', '.join(AGGREGATES)}, error_rate.<type>, {', '.join(percentiles)} (any percentile)"
    return f"{there}, score.<name>.mean (docs/rules.md)"


def _mean(measure: str, factor: float) -> Quotient:
    return Quotient(f"{measure}.sum", per=f"{measure}.count", factor=factor)


def _share(name: str, of: Quotient, about: str) -> Aggregate:
    return Aggregate(name, of, unit="%", about=about)


_TOKENS = Quotient("input_tokens", plus="output_tokens.sum")
_OUTPUT, _COST = "output_tokens", "cost"
#: The aggregates by name, without those whose names have parameters.
AGGREGATES = {
    plain.name: plain
    for plain in (
        Aggregate("calls", Quotient("n"), counts=True, about="events"),
        Aggregate(
            "calls_per_s", Quotient("n"), unit="calls/s", counts=True, about="calls a second, over the lookback",
            per_second=True,
        ),
        Aggregate("errors", Quotient("errors"), counts=True, about="failed calls"),
        _share("error_rate", Quotient("errors", per="n"), "failed calls, as a share of calls"),
        _share("success_rate", Quotient("errors", per="n", factor=-1.0, offset=1.0), "calls that did not fail"),
        _share("rate_limited_rate", Quotient("rate_limited", per="n"), "calls refused for their rate"),
        _share("fallback_rate", Quotient("fallbacks", per="n"), "calls answered by another model or provider"),
        _share("cancelled_rate", Quotient("cancelled", per="n"), "calls that the caller stopped"),
        _share("cache_hit_rate", Quotient("cache_hits", per="n"), "calls answered from a response cache"),
        *(
            _share(f"cache_hit_rate.{level}", Quotient(f"cache_hits_{level}", per="n"), f"those of its {level} level")
            for level in get_args(CacheLevel)
        ),
        _share(
            "rate_limit_used", Quotient("rate_limit_used_max_ppm", divisor=1e6, needs="n"),
            "largest share of a provider's rate limit seen used up",
        ),
        _share(
            "rate_limit_headroom", Quotient("rate_limit_used_max_ppm", divisor=1e6, needs="n", factor=-1.0, offset=1.0),
            "1 - rate_limit_used; 1 where no limit was seen",
        ),
        Aggregate("retries_mean", Quotient("retries", per="n"), about="retries per call"),
        Aggregate("tokens", _TOKENS, _OUTPUT, "tokens", counts=True, about="input and output tokens"),
        Aggregate("tokens_mean", replace(_TOKENS, per="n"), _OUTPUT, "tokens", about="both, per call"),
        Aggregate("input_tokens", Quotient("input_tokens"), unit="tokens", counts=True, about="the cached ones too"),
        Aggregate(
            "output_tokens", Quotient("output_tokens.sum"), _OUTPUT, "tokens", counts=True, about="reasoning tokens too"
        ),
        Aggregate("output_tokens_mean", _mean(_OUTPUT, 1.0), _OUTPUT, "tokens", about="per call that tells them"),
        _share(
            "cached_token_share", Quotient("cache_read_tokens", per="input_tokens"),
            "input tokens that the provider had cached",
        ),
        Aggregate("cost_usd", Quotient("cost.sum", factor=1e-9), _COST, "$", counts=True, about="dollars, in all"),
        Aggregate("cost_mean_usd", _mean(_COST, 1e-9), _COST, "$", about="dollars per call with a cost"),
        Aggregate("latency_mean_ms", _mean("latency", 1e-3), "latency", "ms", about="of answered calls"),
        Aggregate(
            "ms_per_output_token", Quotient("latency.sum", per="output_tokens.sum", factor=1e-3), "latency", "ms",
            about="latency by output tokens: slow answers, however long they are",
        ),
        Aggregate("ttft_mean_ms", _mean("ttft", 1e-3), "ttft", "ms", about="time to the first token"),
        Aggregate(
            "breaker_opens", Quotient(f"{BREAKER}.sum", divisor=1e6), BREAKER, counts=True, events=f"{BREAKER}.count",
            about="how often a circuit breaker opened",
        ),
    )
}  # fmt: skip
