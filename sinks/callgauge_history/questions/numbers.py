"""The numbers that a table of windows adds up to, as SQL over rows `r`, and as a typed record. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import get_args

from callgauge.counted import MEASURES, OUTCOME_COUNTS
from callgauge.schema import CacheLevel
from callgauge_history.tiers.columns import MIXED_SCALE

__all__ = ["SERIES", "TOTALS", "Number", "Numbers", "columns_needed", "mean_sql", "quantile_sql", "selected"]


@dataclass(frozen=True)
class Number:
    """One number: its SQL, and the columns of rows that this needs."""

    sql: str
    needs: tuple[str, ...]


@dataclass(frozen=True)
class Numbers:
    """What is known of some calls. None where nothing was measured.

    Latencies are of calls that were answered, in ms. `cost_usd` is exact, and so is every count.
    """

    calls: int
    errors: int
    fallbacks: int
    cancelled: int
    cache_hits: int
    cache_hits_exact: int
    cache_hits_semantic: int
    rate_limited: int
    retries: int
    input_tokens: int
    output_tokens: int
    cache_read_tokens: int
    reasoning_tokens: int
    cost_usd: Decimal
    latency_mean_ms: float | None
    latency_p50_ms: float | None
    latency_p95_ms: float | None
    latency_p99_ms: float | None
    ttft_p50_ms: float | None
    ttft_p95_ms: float | None

    @property
    def error_rate(self) -> float | None:
        """Failed calls as a share of calls."""
        return self.errors / self.calls if self.calls else None


def quantile_sql(measure: str, q: str) -> Number:
    """A percentile of a measure, in the unit of the call's field; NULL where scales differ.

    Args:
        q: the share, as SQL: a number of ours, or a parameter.
    """
    parts = tuple(f"{measure}_{part}" for part in ("histogram", "zero_count", "scale", "count"))
    histogram, zeros, scale, count = (f"r.{part}" for part in parts)
    least, most = f"minIf({scale}, {count} > 0)", f"maxIf({scale}, {count} > 0)"
    value = f"callgauge_quantile({q}, sumMap({histogram}), sum({zeros}), {most})"
    return Number(
        f"if({least} = {most} AND {most} > {MIXED_SCALE}, {value}, NULL) / {MEASURES[measure].per_unit}", parts
    )


def mean_sql(measure: str) -> Number:
    """The mean of a measure, in the unit of the call's field."""
    parts = (f"{measure}_sum", f"{measure}_count")
    total, count = (f"sum(r.{part})" for part in parts)
    return Number(f"if({count} = 0, NULL, {total} / {count} / {MEASURES[measure].per_unit})", parts)


def _sum(column: str) -> Number:
    return Number(f"sum(r.{column})", (column,))


#: Field of `Numbers` (cost in nano-dollars) -> how it is computed.
TOTALS = {
    "calls": _sum("n"),
    "errors": Number("sum(arraySum(mapValues(r.errors)))", ("errors",)),
    **{count.name: _sum(count.name) for count in OUTCOME_COUNTS},
    "input_tokens": _sum("input_tokens"),
    "output_tokens": _sum("output_tokens_sum"),
    "cache_read_tokens": _sum("cache_read_tokens"),
    "reasoning_tokens": _sum("reasoning_tokens"),
    "cost_nano": _sum("cost_sum"),
    "latency_mean_ms": mean_sql("latency"),
    "latency_p50_ms": quantile_sql("latency", "0.5"),
    "latency_p95_ms": quantile_sql("latency", "0.95"),
    "latency_p99_ms": quantile_sql("latency", "0.99"),
    "ttft_p50_ms": quantile_sql("ttft", "0.5"),
    "ttft_p95_ms": quantile_sql("ttft", "0.95"),
}

_CALLS, _ERRORS = TOTALS["calls"], TOTALS["errors"]


def _share(name: str) -> Number:
    return Number(f"{TOTALS[name].sql} / sum(r.n)", (*TOTALS[name].needs, "n"))


#: What a time series can show.
SERIES = {
    **{name: number for name, number in TOTALS.items() if name != "cost_nano"},
    "cost_usd": Number("sum(r.cost_sum) / 1e9", ("cost_sum",)),
    "tokens": Number("sum(r.input_tokens) + sum(r.output_tokens_sum)", ("input_tokens", "output_tokens_sum")),
    "error_rate": _share("errors"),
    "cache_hit_rate": _share("cache_hits"),
    **{f"cache_hit_rate.{level}": _share(f"cache_hits_{level}") for level in get_args(CacheLevel)},
    "fallback_rate": _share("fallbacks"),
    "cancelled_rate": _share("cancelled"),
    "rate_limited_rate": _share("rate_limited"),
    "ttft_mean_ms": mean_sql("ttft"),
    "ttft_p99_ms": quantile_sql("ttft", "0.99"),
    "output_tokens_p50": quantile_sql("output_tokens", "0.5"),
    "output_tokens_p95": quantile_sql("output_tokens", "0.95"),
    "cost_mean_usd": mean_sql("cost"),
    "cost_p95_usd": quantile_sql("cost", "0.95"),
}


def selected(names: Iterable[str]) -> str:
    """A SELECT list of some of TOTALS."""
    return ", ".join(f"{TOTALS[name].sql} AS {name}" for name in names)


def columns_needed(numbers: Iterable[Number]) -> list[str]:
    """The columns of rows that these need."""
    return list(dict.fromkeys(column for number in numbers for column in number.needs))
