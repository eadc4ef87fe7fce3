"""The two kinds of records that rollup counts, calls and scores: everything in which they differ is here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from callgauge.topics import Topics
from callgauge_streams.bus.records import Records
from callgauge_streams.rollup.folding.accumulator import Accumulator
from callgauge_streams.rollup.folding.row_unions import RowsOf
from callgauge_streams.rollup.folding.score_accumulator import ScoreAccumulator
from callgauge_streams.rollup.reading.call_reader import CallReader
from callgauge_streams.rollup.reading.score_reader import ScoreReader
from callgauge_streams.rollup.rows.call_rows import call_rows
from callgauge_streams.rollup.rows.score_rows import score_rows

__all__ = ["CALLS", "SCORES", "Events", "Kind", "Reader", "kinds_of"]

Int64s = npt.NDArray[np.int64]


class Events(Protocol):
    """Records that could be read, in log order."""

    @property
    def ids(self) -> Int64s:
        """Hash of each record's own id, for duplicates."""

    @property
    def labels(self) -> Int64s:
        """Code of each one's label values."""

    @property
    def label_values(self) -> Sequence[tuple[str | None, ...]]:
        """What the codes mean; None for a label that a record does not carry."""

    def __len__(self) -> int: ...

    def pick(self, events: Int64s) -> Events:
        """Some of them."""


class Reader(Protocol):
    """Reads records, of any source; what its codes mean never changes."""

    @property
    def codes(self) -> int:
        """How many there are so far."""

    def read(self, records: Records) -> tuple[Events, list[int]]:
        """The records that can be read, and the positions of the messages that cannot."""


@dataclass(frozen=True)
class Kind:
    """One kind of record."""

    name: Literal["calls", "scores"]
    reader: Callable[[tuple[str, ...]], Reader]
    """From the names of the labels that count."""
    beside: tuple[str, ...]
    """What tells the rows of one series and window apart (a score's name and origin). The cap on series counts them as
    labels."""
    accumulator: Callable[[int], Any]
    """From the finest window in ms to an empty accumulator."""
    rows_of: RowsOf
    steps_apart: bool
    """Whether steps around calls (`operations.STEPS`) count only in grouping sets that name the operation."""


CALLS = Kind("calls", CallReader, (), Accumulator, call_rows, steps_apart=True)
# A judgement of a whole answer, which is a step, is a judgement of the service all the same.
SCORES = Kind("scores", ScoreReader, ("name", "origin"), ScoreAccumulator, score_rows, steps_apart=False)


def kinds_of(topics: Topics) -> Mapping[str, Kind]:
    """Topic -> what it holds, for all that rollup reads."""
    return {topics.calls.name: CALLS, topics.scores.name: SCORES}
