"""The series that a source has met, in one grouping set: what is worked out once for each, not again in every block."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from callgauge_streams.rollup.tables.interned import Codes
from callgauge_windows.grouping import GroupingSet, series_id
from callgauge_windows.grown import Grown

__all__ = ["SeriesIndex"]

UInt64s = npt.NDArray[np.uint64]
Int32s = npt.NDArray[np.int32]


class SeriesIndex:
    """Numbers series from 0.

    Args:
        labels: names of the label values that `pick` is given.
        beside: those of them that tell rows of one series and window apart, though they are no labels of it.
    """

    def __init__(self, grouping: GroupingSet, labels: tuple[str, ...], beside: tuple[str, ...] = ()) -> None:
        self.grouping = grouping
        self.beside = beside
        self.labels = (*grouping.labels, *beside)
        """Names of the parts of `values`."""
        self._at = [labels.index(label) for label in self.labels]
        self._numbers: dict[tuple[str, ...], int] = {}
        self.values: list[tuple[str, ...]] = []
        """Label values, then those of `beside`, of each series."""
        self._ids = Grown(dtype=np.uint64)
        self._texts = [Codes() for _ in grouping.labels]
        self._text_at = Grown(len(grouping.labels) or 1, dtype=np.int32)

    @property
    def ids(self) -> UInt64s:
        """The series_id of each, shape (size,)."""
        return self._ids.filled

    @property
    def label_values(self) -> dict[str, list[str]]:
        """Label -> its values."""
        return {name: texts.values_of for name, texts in zip(self.grouping.labels, self._texts, strict=True)}

    @property
    def label_at(self) -> Int32s:
        """Which of `label_values` each series has, shape (size, labels)."""
        return self._text_at.filled

    def pick(self, values: tuple[str | None, ...]) -> int:
        """The number of the series that these label values belong to; -1 if they lack one of its labels."""
        picked = tuple(value for at in self._at if (value := values[at]) is not None)
        return self.number_of(picked) if len(picked) == len(self._at) else -1

    def number_of(self, values: tuple[str, ...]) -> int:
        """The number of the series with these values of `labels`."""
        number = self._numbers.get(values)
        return self._add(values) if number is None else number

    def _add(self, values: tuple[str, ...]) -> int:
        number = self._numbers[values] = len(self.values)
        self.values.append(values)
        own = values[: len(self.grouping.labels)]
        self._ids.to(number + 1)[number] = series_id(self.grouping, own)
        at: Any = self._text_at.to(number + 1)[number]
        for label, value in enumerate(own):
            at[label] = self._texts[label][value]
        return number
