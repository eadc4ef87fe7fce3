"""What is asked of the store for a review: sums of two weeks, what is new, the course by the hour."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

from callgauge_history.marks.stored import StoredMark, stored_marks
from callgauge_history.questions.lines import lines
from callgauge_history.questions.numbers import Numbers
from callgauge_history.questions.period import Period
from callgauge_history.questions.summary import summary, summary_by
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
    weeks = Period(week.start_ms - WEEK_MS, week.start_ms), Period(week.start_ms, week.end_ms)
    before, now = (_sums(summary(ask, each).numbers) for each in weeks)
    return Facts(
        week,
        (before, now),
        _series(ask, weeks),
        _scores(ask, week),
        [new for kind, column in _NEW for new in _new(ask, week, kind, column)],
        _alerts(ask, week),
        stored_marks(ask, week.start_ms, week.end_ms),
        _hours(ask, Period(weeks[0].start_ms, weeks[1].end_ms)),
    )


_NEW = (("model", "model"), ("prompt", "prompt_version"), ("error", "error_type"))
_MOST_SERIES = 100_000
_HOURLY = ("calls", "errors", "cost_usd", "latency_p95_ms")


def _sums(numbers: Numbers) -> Sums:
    tokens = numbers.input_tokens + numbers.output_tokens
    latencies = numbers.latency_p50_ms, numbers.latency_p95_ms
    return Sums(numbers.calls, numbers.errors, float(numbers.cost_usd), tokens, *latencies)


def _series(ask: Ask, weeks: tuple[Period, Period]) -> dict[Series, tuple[Sums, Sums]]:
    found: dict[Series, list[Sums]] = defaultdict(lambda: [Sums(), Sums()])
    for place, period in enumerate(weeks):
        for each in summary_by(ask, period, ["service", "model"], limit=_MOST_SERIES):
            found[each.values[0], each.values[1]][place] = _sums(each)
    return {key: (before, now) for key, (before, now) in found.items()}


def _hours(ask: Ask, period: Period) -> list[Hour]:
    """Those with calls."""
    found = lines(ask, period, _HOURLY, _HOUR_MS, stored_until_ms=period.start_ms)
    hours = []
    for line in found.lines:
        for start_ms, calls, errors, cost, p95 in zip(
            found.starts_ms, *(line.numbers[name] for name in _HOURLY), strict=True
        ):
            if calls:
                hours.append(Hour(start_ms, int(calls), int(errors or 0), cost or 0.0, p95))
    return hours


def _within(from_ms: int, to_ms: int, time: str = "event_time") -> str:
    return f"{time} >= {at(from_ms)} AND {time} < {at(to_ms)}"


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
