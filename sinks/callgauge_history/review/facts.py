"""What is asked of the store for a review: sums of two weeks, what is new, the course by the hour."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from callgauge_history.marks.stored import StoredMark, stored_marks
from callgauge_history.questions.call_rows import ANSWERED, NO_STEPS
from callgauge_history.quoted import at
from callgauge_history.review.week import WEEK_MS, Week
from callgauge_history.store import Ask

__all__ = ["Facts", "Hour", "New", "ScoreSums", "Sums", "facts_of"]

#: (service, model)
Series = tuple[str, str]

#: New is what was not seen in so many weeks before.
_REMEMBERED_WEEKS = 12
_HOUR_MS = 3_600_000


@dataclass(frozen=True)
class Sums:
    """A week of calls; latencies in ms, None where no call was answered."""

    calls: int = 0
    errors: int = 0
    cost: float = 0.0
    tokens: int = 0
    p50_ms: float | None = None
    p95_ms: float | None = None

    @property
    def error_rate(self) -> float:
        """Share of the calls."""
        return self.errors / self.calls if self.calls else 0.0

    @property
    def cost_per_call(self) -> float:
        """Dollars."""
        return self.cost / self.calls if self.calls else 0.0


@dataclass(frozen=True)
class ScoreSums:
    """A week of one score: count, mean, standard deviation."""

    count: int = 0
    mean: float = 0.0
    deviation: float = 0.0


@dataclass(frozen=True)
class Hour:
    """An hour of all calls."""

    start_ms: int
    calls: int
    errors: int
    cost: float
    p95_ms: float | None


@dataclass(frozen=True)
class New:
    """Something that was not there before: what it is, of which service, how many calls, since when (epoch ms)."""

    kind: str
    service: str
    name: str
    calls: int
    since_ms: int


@dataclass(frozen=True)
class Facts:
    """A week and the one before it.

    Attributes:
        total, series, scores: the week before, then the week.
        alerts: rule, severity -> how many episodes fired in the week.
        hours: of both weeks.
    """

    week: Week
    total: tuple[Sums, Sums]
    series: dict[Series, tuple[Sums, Sums]] = field(default_factory=dict)
    scores: dict[tuple[str, str], tuple[ScoreSums, ScoreSums]] = field(default_factory=dict)
    new: list[New] = field(default_factory=list)
    alerts: dict[tuple[str, str], int] = field(default_factory=dict)
    marks: list[StoredMark] = field(default_factory=list)
    hours: list[Hour] = field(default_factory=list)


def facts_of(ask: Ask, week: Week) -> Facts:
    """Ask for them.

    Raises:
        StoreError: the store cannot be asked.
    """
    return Facts(
        week,
        _sums(ask, week, ()).get((), (Sums(), Sums())),
        {(key[0], key[1]): sums for key, sums in _sums(ask, week, ("service", "model")).items()},
        _scores(ask, week),
        [new for kind, column in _NEW for new in _new(ask, week, kind, column)],
        _alerts(ask, week),
        stored_marks(ask, week.start_ms, week.end_ms),
        _hours(ask, week),
    )


_NEW = (("model", "model"), ("prompt", "prompt_version"), ("error", "error_type"))
_TOKENS = "sum(ifNull(input_tokens, 0) + ifNull(output_tokens, 0))"
_SUMS = f"count(), countIf(status = 'error'), sum(ifNull(cost_usd, 0)), {_TOKENS}"
_LATENCY = f"latency_ms, latency_ms IS NOT NULL AND {ANSWERED}"
_ANSWERED = f"quantileExactIf(0.5)({_LATENCY}), quantileExactIf(0.95)({_LATENCY})"


def _within(from_ms: int, to_ms: int, time: str = "event_time") -> str:
    return f"{time} >= {at(from_ms)} AND {time} < {at(to_ms)}"


def _both(week: Week) -> str:
    return _within(week.start_ms - WEEK_MS, week.end_ms)


def _sums(ask: Ask, week: Week, by: tuple[str, ...]) -> dict[tuple[str, ...], tuple[Sums, Sums]]:
    keys = "".join(f"{name}, " for name in by)
    now = f"event_time >= {at(week.start_ms)} AS now"
    where = f"{_both(week)} AND {NO_STEPS}"
    rows = ask(f"SELECT {keys}{now}, {_SUMS}, {_ANSWERED} FROM calls_priced WHERE {where} GROUP BY {keys}now").rows  # noqa: S608 (names and times of ours)
    found: dict[tuple[str, ...], list[Sums]] = defaultdict(lambda: [Sums(), Sums()])
    for row in rows:
        key, (which, calls, errors, cost, tokens, p50, p95) = tuple(row[: len(by)]), row[len(by) :]
        found[key][int(which)] = Sums(int(calls), int(errors), float(cost), int(tokens), p50, p95)
    return {key: (before, after) for key, (before, after) in found.items()}


def _scores(ask: Ask, week: Week) -> dict[tuple[str, str], tuple[ScoreSums, ScoreSums]]:
    now = f"ts >= {at(week.start_ms)} AS now"
    where = _within(week.start_ms - WEEK_MS, week.end_ms, "ts")
    sql = f"SELECT service, name, {now}, count(), avg(value), stddevPop(value) FROM scores FINAL WHERE {where}"  # noqa: S608
    found: dict[tuple[str, str], list[ScoreSums]] = defaultdict(lambda: [ScoreSums(), ScoreSums()])
    for service, name, which, count, mean, deviation in ask(f"{sql} GROUP BY service, name, now").rows:
        found[service, name][int(which)] = ScoreSums(int(count), float(mean), float(deviation or 0.0))
    return {key: (before, after) for key, (before, after) in found.items()}


def _new(ask: Ask, week: Week, kind: str, column: str) -> list[New]:
    remembered = _within(week.start_ms - _REMEMBERED_WEEKS * WEEK_MS, week.end_ms)
    first = "toUnixTimestamp64Milli(min(event_time))"
    sql = f"SELECT service, {column}, count(), {first} AS since FROM calls FINAL WHERE {remembered} AND {column} != ''"  # noqa: S608
    rows = ask(f"{sql} GROUP BY service, {column} HAVING since >= {week.start_ms} ORDER BY count() DESC LIMIT 50").rows
    return [New(kind, service, name, int(calls), int(since)) for service, name, calls, since in rows]


def _alerts(ask: Ask, week: Week) -> dict[tuple[str, str], int]:
    within = _within(week.start_ms, week.end_ms, "fired_at")
    sql = f"SELECT rule, argMax(severity, seq), uniqExact(alert_id) AS episodes FROM alerts FINAL WHERE {within}"  # noqa: S608
    rows = ask(f"{sql} GROUP BY rule ORDER BY episodes DESC, rule").rows
    return {(rule, severity): int(episodes) for rule, severity, episodes in rows}


def _hours(ask: Ask, week: Week) -> list[Hour]:
    hour = "intDiv(toUnixTimestamp64Milli(event_time), 3600000) AS hour"
    p95 = f"quantileExactIf(0.95)({_LATENCY})"
    where = f"{_both(week)} AND {NO_STEPS}"
    sums = f"count(), countIf(status = 'error'), sum(ifNull(cost_usd, 0)), {p95}"
    rows = ask(f"SELECT {hour}, {sums} FROM calls_priced WHERE {where} GROUP BY hour ORDER BY hour").rows  # noqa: S608
    return [Hour(int(at_h) * _HOUR_MS, int(n), int(bad), float(cost), p95) for at_h, n, bad, cost, p95 in rows]
