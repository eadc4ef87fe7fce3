"""Before and after a mark: the same span of time on both sides, of the calls that the mark concerns.

    before              mark              after
    [at - span, at)      at      [at, at + span), as far as it has passed

If less than the span has passed, the time before is as short, so that both sides have as many hours. A whole number of
days or weeks compares the same hours of the day.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from callgauge.errors import CallgaugeError
from callgauge_history.comparing.beside import Beside, compare_calls
from callgauge_history.comparing.selection import Ask, Selection, score_names, score_values
from callgauge_history.quoted import at, quoted
from callgauge_history.statistics.mann_whitney import Comparison, compare
from callgauge_history.statistics.proportions import ShareComparison

__all__ = ["MarkReport", "NoSuchMark", "ScoreChange", "StoredMark", "find_mark", "mark_report", "stored_marks"]


class NoSuchMark(CallgaugeError):
    """No mark has this id, or several begin with it."""


@dataclass(frozen=True)
class StoredMark:
    """A mark; `at_ms`: since when it holds, epoch ms."""

    mark_id: str
    at_ms: int
    text: str
    service: str
    labels: Mapping[str, str]
    author: str
    url: str

    @property
    def where(self) -> dict[str, str]:
        """The labels of the calls that it concerns."""
        return ({"service": self.service} if self.service else {}) | dict(self.labels)


@dataclass(frozen=True)
class ScoreChange:
    """One score, before (a) and after (b)."""

    name: str
    mean_a: float
    mean_b: float
    comparison: Comparison


@dataclass(frozen=True)
class MarkReport:
    """What changed with a mark; a is before, b after."""

    mark: StoredMark
    before: Selection
    after: Selection
    calls_a: int
    calls_b: int
    errors: ShareComparison | None
    beside: tuple[Beside, ...]
    scores: tuple[ScoreChange, ...]


def stored_marks(ask: Ask, from_ms: int, to_ms: int, service: str | None = None, most: int = 1_000) -> list[StoredMark]:
    """The marks of a time, the newest first; of a service also those that concern everybody.

    Raises:
        StoreError: the store cannot be asked.
    """
    within = f"effective_from >= {at(from_ms)} AND effective_from < {at(to_ms)}"
    whose = f" AND service IN ({quoted(service)}, '')" if service is not None else ""
    return _marks(ask, f"{within}{whose} ORDER BY effective_from DESC, mark_id LIMIT {most}")


def find_mark(ask: Ask, name: str) -> StoredMark:
    """The mark whose id begins so.

    Raises:
        NoSuchMark: there is none, or there are several.
    """
    found = _marks(ask, f"startsWith(mark_id, {quoted(name)}) ORDER BY mark_id LIMIT 3")
    exact = [mark for mark in found if mark.mark_id == name] or found
    if len(exact) != 1 or not name:
        what = "begins the ids of several marks; write more of it" if exact else "is the id of no stored mark"
        raise NoSuchMark(f"{name!r} {what}; `callgauge mark list` shows them")
    return exact[0]


def mark_report(ask: Ask, mark: StoredMark, span_ms: int, now_ms: int, alpha: float = 0.05) -> MarkReport:
    """Compare before and after.

    Raises:
        NoSuchMark: it lies in the future.
        StoreError: the store cannot be asked.
    """
    passed_ms = min(span_ms, now_ms - mark.at_ms)
    if passed_ms <= 0:
        raise NoSuchMark(f"mark {mark.mark_id} lies in the future: there is nothing after it yet")
    before = Selection(mark.at_ms - passed_ms, mark.at_ms, mark.where)
    after = Selection(mark.at_ms, mark.at_ms + passed_ms, mark.where)
    sizes, errors, beside = compare_calls(ask, before, after, alpha)
    scores = []
    for name in score_names(ask, after):
        of_a, of_b = (score_values(ask, each, name) for each in (before, after))
        if min(len(of_a), len(of_b)) >= 2:
            scores.append(ScoreChange(name, float(of_a.mean()), float(of_b.mean()), compare(of_a, of_b, alpha)))
    return MarkReport(mark, before, after, *sizes, errors, beside, tuple(scores))


def _marks(ask: Ask, condition: str) -> list[StoredMark]:
    columns = "mark_id, toUnixTimestamp64Milli(effective_from), text, service, labels, author, url"
    rows = ask(f"SELECT {columns} FROM marks FINAL WHERE {condition}").rows  # noqa: S608 (texts are quoted)
    return [StoredMark(row[0], int(row[1]), *row[2:]) for row in rows]
