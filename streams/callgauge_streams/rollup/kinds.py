"""What rollup counts: calls, and scores. What one kind of record needs that the other does not; all else is shared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Literal

from callgauge.codec import decode_counted, decode_scores
from callgauge.topics import Topics
from callgauge_streams.rollup.accumulator import Accumulator
from callgauge_streams.rollup.call_rows import call_rows
from callgauge_streams.rollup.folding import RowsOf
from callgauge_streams.rollup.score_accumulator import ScoreAccumulator, score_rows

__all__ = ["CALLS", "SCORES", "Kind", "kinds_of"]

#: Label values of each record; None for a label that it does not carry.
Keys = Callable[[Iterable[Any]], Iterator[tuple[str | None, ...]]]


@dataclass(frozen=True)
class Kind:
    """One kind of record.

    Records are decoded to structs that have an `event_id` and a `service`.
    """

    name: Literal["calls", "scores"]
    decode: Callable[[Sequence[bytes | None]], tuple[list[Any], list[int]]]
    """The records that can be read, and the positions of those that cannot."""
    beside: tuple[str, ...]
    """What tells rows of one series apart; counted as labels by the cap on series."""
    keys_of: Callable[[tuple[str, ...]], Keys]
    """From label names to a function that reads their values, and those of `beside`, off records."""
    accumulator: Callable[[int], Any]
    """From the finest window in ms to an empty accumulator."""
    rows_of: RowsOf


def _call_keys(labels: tuple[str, ...]) -> Keys:
    values_of: Any = attrgetter(*labels)
    if len(labels) == 1:
        return lambda calls: ((values_of(call),) for call in calls)
    return lambda calls: map(values_of, calls)


def _score_keys(labels: tuple[str, ...]) -> Keys:
    service_at = labels.index("service")
    before, after = labels[:service_at], labels[service_at + 1 :]

    def keys(scores: Iterable[Any]) -> Iterator[tuple[str | None, ...]]:
        for score in scores:
            given = score.labels.get
            yield (*map(given, before), score.service, *map(given, after), score.name, score.origin)

    return keys


CALLS = Kind("calls", decode_counted, (), _call_keys, Accumulator, call_rows)
SCORES = Kind("scores", decode_scores, ("name", "origin"), _score_keys, ScoreAccumulator, score_rows)


def kinds_of(topics: Topics) -> Mapping[str, Kind]:
    """Topic -> what it holds, for all that rollup reads."""
    return {topics.calls.name: CALLS, topics.scores.name: SCORES}
