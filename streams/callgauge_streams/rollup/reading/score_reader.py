"""Reads scores and breaker changes into structs and codes. There are few of them, so msgspec reads each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from callgauge.codec import decode_scores
from callgauge_streams.bus.records import Records
from callgauge_streams.rollup.reading.event_ids import EventIds
from callgauge_streams.rollup.tables.interned import Codes

__all__ = ["ScoreReader", "Scores"]

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Scores:
    """`n` scores in log order."""

    ids: Int64s
    """Hash of each score's own id, shape (n,)."""
    labels: Int64s
    """Code of each one's label values, name and origin, shape (n,)."""
    label_values: Sequence[tuple[str | None, ...]]
    """What the codes mean; None for a label that a score does not carry."""
    scores: list[Any]
    """The decoded structs."""

    def __len__(self) -> int:
        return len(self.scores)

    @property
    def event_ids(self) -> EventIds:
        """The id of the call that each score judges; where none is given, the score's own."""
        return EventIds.of([score.call_id or score.event_id for score in self.scores])

    def pick(self, events: Int64s) -> Scores:
        """Some of them."""
        return Scores(
            self.ids[events], self.labels[events], self.label_values, [self.scores[at] for at in events.tolist()]
        )


class ScoreReader:
    """Reads scores.

    Args:
        labels: whose values are wanted, in this order.
    """

    def __init__(self, labels: tuple[str, ...]) -> None:
        service_at = labels.index("service")
        self._before, self._after = labels[:service_at], labels[service_at + 1 :]
        self._codes = Codes()

    @property
    def codes(self) -> int:
        """How many combinations of label values, name and origin it has told apart."""
        return len(self._codes)

    def read(self, records: Records) -> tuple[Scores, list[int]]:
        """The scores that can be read, and the positions of the messages that cannot."""
        scores, dead = decode_scores(records.values())
        ids = np.array([hash(score.event_id) for score in scores], dtype=np.int64)
        labels = np.array([self._codes[self._values_of(score)] for score in scores], dtype=np.int64)
        return Scores(ids, labels, self._codes.values_of, scores), dead

    def _values_of(self, score: Any) -> tuple[str | None, ...]:
        given = score.labels.get
        return (*map(given, self._before), score.service, *map(given, self._after), score.name, score.origin)
