"""What is different between two sets of calls, and whether chance explains it.

Of a share (errors, a finish reason, a score of 0 and 1) the two-proportion likelihood ratio is told. Of a distribution
(latency, length, cost, a score) it is the Kolmogorov-Smirnov distance of the histograms, and the population stability
index. `z` says how many standard deviations chance is away. A change is *significant* if that is at least 4, and the
change large enough to matter: with many calls anything is significant.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from callgauge.counted import MEASURES
from callgauge_detectors.drift_distribution import binned, ks, psi
from callgauge_detectors.drift_rate import proportions_z
from callgauge_detectors.tails import kolmogorov_tail, z_of_p
from callgauge_history.questions.labels import Where
from callgauge_history.questions.numbers import TOTALS, Numbers, columns_needed, selected
from callgauge_history.questions.period import Period
from callgauge_history.questions.reading import decimal_usd
from callgauge_history.questions.scores import score_rows
from callgauge_history.questions.source import choose
from callgauge_history.store import Ask
from callgauge_windows.histogram import bucket_of, estimate

__all__ = ["Change", "Measured", "Side", "changes_between", "measured"]

#: The bucket of zeros; below every other.
_ZERO = -(1 << 15)
#: A score of 1, in millionths.
_BUCKET_OF_ONE = int(bucket_of(np.array([1_000_000]))[0])
_LEAST_Z = 4.0
_LEAST_RATE = 0.01
_LEAST_KS = 0.1
_BINS = 10


@dataclass(frozen=True)
class Side:
    """Some calls: of a period, with these labels."""

    period: Period
    where: Where = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """How one thing differs.

    Attributes:
        name: "error_rate", "finish_reason.length", "latency_ms", "score.refusal{origin=heuristic}", ...
        kind: rate: `before` and `now` are shares; distribution: they are medians.
        counts: calls, or scores, that each rests on.
        ks, psi: of a distribution.
        z: how many σ chance is away; signed for rates.
        significant: see the top of the file.
    """

    name: str
    kind: Literal["rate", "distribution"]
    before: float | None
    now: float | None
    counts: tuple[int, int]
    z: float
    ks: float | None = None
    psi: float | None = None
    significant: bool = False


@dataclass(frozen=True)
class Measured:
    """Everything that is compared, of one side.

    Attributes:
        rates: name -> (part, whole).
        histograms: name -> bucket -> count, `_ZERO` the bucket of 0.
        per_unit: name -> how many of the histogram's unit make one of those that are told.
    """

    period: Period
    numbers: Numbers
    rates: dict[str, tuple[int, int]]
    histograms: dict[str, Counter[int]]
    per_unit: dict[str, float]


def measured(ask: Ask, side: Side) -> Measured:
    """Measure one side.

    Raises:
        QuestionError: a name is no label.
        StoreError: the store cannot be asked.
    """
    source = choose(ask, side.period, where=side.where)
    histograms = [f"{measure}_{part}" for measure in MEASURES for part in ("histogram", "zero_count")]
    columns = dict.fromkeys([*columns_needed(TOTALS.values()), "finish_reasons", *histograms])
    more = ["sumMap(r.errors)", "sumMap(r.finish_reasons)"]
    for measure in MEASURES:
        more += [f"sumMap(r.{measure}_histogram)", f"toInt64(sum(r.{measure}_zero_count))"]
    sql = f"SELECT {selected(TOTALS)}, {', '.join(more)} FROM {source.rows(columns)} AS r"  # noqa: S608 (names of ours)
    [row] = ask(sql, source.all_parameters).rows
    values = dict(zip(TOTALS, row, strict=False))
    cost = decimal_usd(values.pop("cost_nano"))
    numbers = Numbers(**values, cost_usd=cost)  # type: ignore[arg-type]  # a sum is never NULL
    errors, finish, *parts = row[len(TOTALS) :]
    counted = {
        MEASURES[measure].field: _counted(buckets, zeros)
        for measure, buckets, zeros in zip(MEASURES, parts[::2], parts[1::2], strict=True)
    }
    found = Measured(
        source.period,
        numbers,
        _rates(numbers, errors, finish),
        counted,
        {measure.field: measure.per_unit for measure in MEASURES.values()},
    )
    _add_scores(ask, side, found)
    return found


def _rates(numbers: Numbers, errors: Mapping[str, Any], finish: Mapping[str, Any]) -> dict[str, tuple[int, int]]:
    counts = {
        "error_rate": numbers.errors, "fallback_rate": numbers.fallbacks, "cancelled_rate": numbers.cancelled,
        "cache_hit_rate": numbers.cache_hits, "cache_hit_rate.exact": numbers.cache_hits_exact,
        "cache_hit_rate.semantic": numbers.cache_hits_semantic, "rate_limited_rate": numbers.rate_limited,
        **{f"error.{kind}": int(count) for kind, count in errors.items()},
        **{f"finish_reason.{kind}": int(count) for kind, count in finish.items()},
    }  # fmt: skip
    return {name: (count, numbers.calls) for name, count in counts.items()}


def _counted(buckets: Mapping[str, Any], zeros: int) -> Counter[int]:
    counted = Counter({int(bucket): int(count) for bucket, count in buckets.items()})
    return counted + Counter({_ZERO: int(zeros)})


def _add_scores(ask: Ask, side: Side, found: Measured) -> None:
    """Scores of 0 and 1 alone are a rate; others a distribution, negative values as their mirrored buckets."""
    rows, parameters = score_rows(ask, side.period, where=side.where)
    are_shares = "min(r.value_min) >= 0 AND max(r.value_max) <= 1000000"
    sql = f"""
        SELECT toString(r.name), toString(r.origin), toInt64(sum(r.n)), sum(r.value_sum),
            {are_shares} AND arrayAll(bucket -> bucket = {_BUCKET_OF_ONE}, mapKeys(sumMap(r.histogram))),
            toInt64(sum(r.zero_count)), sumMap(r.histogram), sumMap(r.negative_histogram)
        FROM {rows} AS r GROUP BY r.name, r.origin"""  # noqa: S608 (names of ours)
    for name, origin, count, total, is_rate, zeros, above, below in ask(sql, parameters).rows:
        label = f"score.{name}{{origin={origin}}}"
        if is_rate:
            found.rates[label] = (round(int(total) / 1e6), int(count))
        histogram = _counted(above, zeros)
        histogram.update({2 * _ZERO - int(bucket): int(number) for bucket, number in below.items()})
        found.histograms[label] = histogram
        found.per_unit[label] = 1e6


def changes_between(before: Measured, now: Measured) -> list[Change]:
    """What differs, the least explained by chance first. What only one side has is told too."""
    rates = [
        _rate_change(name, before.rates.get(name), now.rates.get(name), before, now)
        for name in sorted(before.rates.keys() | now.rates.keys())
    ]
    are_rates = before.rates.keys() | now.rates.keys()
    distributions = [
        _distribution_change(name, before, now)
        for name in sorted((before.histograms.keys() | now.histograms.keys()) - are_rates)
    ]
    found = [change for change in [*rates, *distributions] if change is not None]
    return sorted(found, key=lambda change: (not change.significant, -abs(change.z), change.name))


def _rate_change(
    name: str, first: tuple[int, int] | None, second: tuple[int, int] | None, before: Measured, now: Measured
) -> Change | None:
    is_score = name.startswith("score.")
    k0, n0 = first or (0, 0 if is_score else before.numbers.calls)
    k1, n1 = second or (0, 0 if is_score else now.numbers.calls)
    if not k0 and not k1 and not is_score:
        return None
    p0, p1 = (k / n if n else None for k, n in ((k0, n0), (k1, n1)))
    z = proportions_z(k0, n0, k1, n1) if n0 and n1 else 0.0
    significant = abs(z) >= _LEAST_Z and p0 is not None and p1 is not None and abs(p1 - p0) >= _LEAST_RATE
    return Change(name, "rate", p0, p1, (n0, n1), z, significant=significant)


def _distribution_change(name: str, before: Measured, now: Measured) -> Change | None:
    first, second = (side.histograms.get(name, Counter()) for side in (before, now))
    n, m = first.total(), second.total()
    if not n and not m:
        return None
    per_unit = {**before.per_unit, **now.per_unit}[name]
    medians = [_median(histogram, per_unit) for histogram in (first, second)]
    if not n or not m:
        return Change(name, "distribution", medians[0], medians[1], (n, m), 0.0)
    distance = ks(first, second)
    z = z_of_p(kolmogorov_tail(distance, n, m))
    index = _psi(first, second)
    significant = z >= _LEAST_Z and distance >= _LEAST_KS
    return Change(name, "distribution", medians[0], medians[1], (n, m), z, distance, index, significant)


def _psi(first: Counter[int], second: Counter[int]) -> float:
    shares = []
    for counts in binned(first, second, _BINS):
        total = sum(counts) + 0.5 * len(counts)
        shares.append([(count + 0.5) / total for count in counts])
    return psi(*shares)


def _median(histogram: Counter[int], per_unit: float) -> float | None:
    """The median in the unit that people see; None of nothing."""
    rank = (histogram.total() - 1) // 2
    for bucket in sorted(histogram):
        rank -= histogram[bucket]
        if rank < 0:
            return _value_of(bucket) / per_unit
    return None


def _value_of(bucket: int) -> float:
    """What a bucket stands for; those below the bucket of zeros are mirrored: -v."""
    if bucket == _ZERO:
        return 0.0
    return estimate(bucket) if bucket > _ZERO else -estimate(2 * _ZERO - bucket)
