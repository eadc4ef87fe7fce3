"""What each combination of label values that a reader has met means for every grouping set: its service and its series.

It is worked out once for each combination, in Python, and looked up as whole columns after that, block after block.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from callgauge.operations import STEPS
from callgauge_streams.rollup.config import RollupConfig
from callgauge_streams.rollup.folding.series_index import SeriesIndex
from callgauge_streams.rollup.tables.interned import Codes
from callgauge_windows.grown import Grown

__all__ = ["KnownLabels", "Places"]

Int64s = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Places:
    """Where `k` combinations of label values belong."""

    services: Int64s
    """Number of the service, shape (k,)."""
    series: Int64s
    """Number of the series in each grouping set, -1 where they do not count; shape (k, sets)."""


class KnownLabels:
    """Knows what the codes of one reader mean.

    Args:
        beside: names of what comes after the labels (a score's name and origin).
        steps_apart: whether steps around calls count only in grouping sets that name the operation.
    """

    def __init__(self, config: RollupConfig, beside: tuple[str, ...] = (), *, steps_apart: bool = False) -> None:
        self._service_at, self._operation_at = map(config.labels.index, ("service", "operation"))
        self._steps_apart = steps_apart
        names = (*config.labels, *beside)
        self.indexes = [SeriesIndex(grouping, names, beside) for grouping in config.groupings]
        """The series of each grouping set."""
        self._services = Codes()
        # 1 + the service (0: not known yet), then the series in each set.
        self._places = Grown(1 + len(self.indexes), dtype=np.int32)

    @property
    def services(self) -> Sequence[str]:
        """The name of each service."""
        return self._services.values_of

    def places_of(self, codes: Int64s, values: Sequence[tuple[str | None, ...]]) -> Places:
        """Where these codes of the reader belong.

        Args:
            codes: shape (k,), in log order.
            values: what each of the reader's codes means.
        """
        found = self._places.to(int(codes.max()) + 1)[codes]
        if unknown := codes[found[:, 0] == 0].tolist():
            for code in unknown:
                self._learn(code, values[code])
            found = self._places.filled[codes]
        places = found.astype(np.int64)
        return Places(places[:, 0] - 1, places[:, 1:])

    def _learn(self, code: int, values: tuple[str | None, ...]) -> None:
        service = self._services[str(values[self._service_at])]
        apart = self._steps_apart and values[self._operation_at] in STEPS
        counts = (not apart or "operation" in index.labels for index in self.indexes)
        series = (index.pick(values) if here else -1 for index, here in zip(self.indexes, counts, strict=True))
        self._places.filled[code] = [1 + service, *series]
