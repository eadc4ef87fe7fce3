"""Judgements by name: how many, their mean, spread and percentiles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from callgauge.counted import LABELS
from callgauge.units import SCORE_LIMIT
from callgauge_history.questions.labels import Where, check_labels, conditions
from callgauge_history.questions.period import Period
from callgauge_history.questions.reading import read
from callgauge_history.questions.source import pieces_of, union_of
from callgauge_history.store import Ask
from callgauge_history.tiers.columns import MIXED_SCALE
from callgauge_history.tiers.ladder import BASES
from callgauge_windows.grouping import OTHER

__all__ = ["ScoreNumbers", "score_rows", "scores"]

_SCORE_WINDOWS = BASES[1]
_COLUMNS = (
    "name", "origin", "n", "value_sum", "value_sum_sq", "value_min", "value_max", "min_event_id", "histogram",
    "negative_histogram", "zero_count", "scale",
)  # fmt: skip
#: As `callgauge.units.score_square`.
_CUT = f"toInt128(least(abs(value_micro), {SCORE_LIMIT}))"
_EACH = {
    "n": "toInt64(1)",
    "value_sum": "value_micro",
    "value_sum_sq": f"intDiv({_CUT} * {_CUT} + 500000, 1000000)",
    "value_min": "value_micro",
    "value_max": "value_micro",
    "min_event_id": "if(event_id = '', score_id, event_id)",
    "zero_count": "toUInt64(value_micro = 0)",
    "scale": "toInt8(5)",
}
_BUCKET = "CAST(map(toInt16(ceil(log2(greatest(abs(value_micro), 1)) * 32) - 1), 1), 'Map(Int16, UInt64)')"
_NO_BUCKET = "CAST(map(), 'Map(Int16, UInt64)')"


@dataclass(frozen=True)
class ScoreNumbers:
    """The scores of one name and origin with these values of the labels that were asked for.

    Attributes:
        origin: who judged; of the name "breaker_open" the circuit breaker.
        stddev: of the population; None where a value beyond 10,000 was cut to be squared.
        p05, p50, p95: within 1.1 %; None where they cannot be told.
        lowest_event_id: the call with the lowest value, or the score.
    """

    values: tuple[str, ...]
    name: str
    origin: str
    count: int
    mean: float
    stddev: float | None
    lowest: float
    highest: float
    p05: float | None
    p50: float | None
    p95: float | None
    lowest_event_id: str


def scores(
    ask: Ask, period: Period, by: Sequence[str] = (), where: Where | None = None, *, name: str = "", limit: int = 1_000
) -> list[ScoreNumbers]:
    """The numbers of each score, by labels; in order of names.

    A score counts under a label if it carries it.

    Args:
        name: only of this one.

    Raises:
        QuestionError: a name is no label.
        StoreError: the store cannot be asked.
    """
    by = check_labels(by)
    rows, parameters = score_rows(ask, period, by, where)
    known = f"min(r.scale) = max(r.scale) AND max(r.scale) > {MIXED_SCALE}"

    def percentile(q: float) -> str:
        value = "sumMap(r.histogram), sumMap(r.negative_histogram), sum(r.zero_count), max(r.scale)"
        return f"if({known}, callgauge_signed_quantile({q}, {value}), NULL) / 1e6"

    sql = f"""
        SELECT [{", ".join(f"toString(r.{label})" for label in by)}] AS values, toString(r.name) AS name,
            toString(r.origin) AS origin, toInt64(sum(r.n)) AS count, sum(r.value_sum) / 1e6 / count AS mean,
            if(max(r.value_max) > 10000000000 OR min(r.value_min) < -10000000000, NULL,
                sqrt(greatest(sum(toInt128(r.value_sum_sq)) / 1e6 / count - mean * mean, 0))) AS stddev,
            min(r.value_min) / 1e6 AS lowest, max(r.value_max) / 1e6 AS highest,
            {percentile(0.05)} AS p05, {percentile(0.5)} AS p50, {percentile(0.95)} AS p95,
            argMin(r.min_event_id, (r.value_min, r.min_event_id)) AS lowest_event_id
        FROM {rows} AS r WHERE {{name:String}} IN ('', r.name)
        GROUP BY {", ".join(["r.name", "r.origin", *(f"r.{label}" for label in by)])}
        ORDER BY name, origin, count DESC, values LIMIT {{limit:UInt32}}"""  # noqa: S608 (names of ours)
    found = read(ask, ScoreNumbers, sql, parameters | {"name": name, "limit": limit})
    return [ScoreNumbers(**vars(each) | {"values": tuple(each.values)}) for each in found]


def score_rows(
    ask: Ask, period: Period, by: Sequence[str] = (), where: Where | None = None
) -> tuple[str, dict[str, Any]]:
    """A subquery in brackets with rows of score windows, each score in one of them, and its parameters.

    Without labels, and by service, the windows are read; else the scores themselves, since which of them carry a label
    cannot be told from a grouping set that has more labels than that.
    """
    needed = check_labels([*by, *(where or {})])
    condition, parameters = conditions(where or {})
    if needed in ((), ("service",)):
        whole, pieces = pieces_of(ask, _SCORE_WINDOWS, period)
        grouping = _complete(ask, pieces, needed)
        if grouping:
            parameters |= {"grouping": grouping}
            columns = list(dict.fromkeys([*needed, *_COLUMNS]))
            return union_of(
                _SCORE_WINDOWS, pieces, columns, f"{condition} AND grouping = {{grouping:String}}"
            ), parameters
        period = whole
    return _single_scores(period, needed, condition), parameters | {
        "start_ms": period.start_ms,
        "end_ms": period.end_ms,
    }


def _complete(ask: Ask, pieces: Sequence[Any], needed: Sequence[str]) -> str:
    """The grouping set of just these labels that counts every score; "" if there is none."""
    folded = "service = {other:String}" if needed else "0"
    rows_of_all = union_of(_SCORE_WINDOWS, pieces, ["grouping", "n", "service"], "n > 0")
    sql = f"SELECT grouping, toInt64(sum(n)), toInt64(sumIf(n, {folded})) FROM {rows_of_all} GROUP BY grouping"  # noqa: S608 (names of ours)
    rows = ask(sql, {"other": OTHER}).rows
    every = max((int(count) for _, count, _ in rows), default=0)
    fitting = [
        str(name)
        for name, count, lost in rows
        if int(count) == every and not int(lost) and name.partition("@")[0] == ",".join(needed)
    ]
    return min(fitting, default="")


def _single_scores(period: Period, needed: Sequence[str], condition: str) -> str:
    """Scores and changes of breakers in the shape of rows of score windows."""
    carried = " AND ".join(f"mapContains(labels, '{label}')" for label in needed if label != "service") or "1"
    labels = [f"labels['{label}'] AS {label}" for label in LABELS if label in needed and label != "service"]
    each = _EACH | {
        "histogram": f"if(value_micro > 0, {_BUCKET}, {_NO_BUCKET})",
        "negative_histogram": f"if(value_micro < 0, {_BUCKET}, {_NO_BUCKET})",
    }
    columns = ", ".join(
        [*(["service"] if "service" in needed else []), *labels]
        + [f"{each[name]} AS {name}" if name in each else name for name in _COLUMNS]
    )
    within = "ts >= fromUnixTimestamp64Milli({start_ms:Int64}) AND ts < fromUnixTimestamp64Milli({end_ms:Int64})"
    judged = f"SELECT score_id, event_id, name, origin, value_micro, service, labels FROM scores FINAL WHERE {within}"  # noqa: S608
    opened = (
        "SELECT event_id AS score_id, '' AS event_id, 'breaker_open' AS name, breaker AS origin, "  # noqa: S608
        "toInt64(1000000 * (to_state = 'open')) AS value_micro, service, labels "
        f"FROM state_changes FINAL WHERE {within}"
    )
    return f"(SELECT {columns} FROM ({judged} UNION ALL {opened}) WHERE {carried} AND {condition})"  # noqa: S608
