"""What each combination of label values that a reader has met means for every grouping set: its service and its series.

It is worked out once for each combination, in Python, and looked up as whole columns after that, block after block.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

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
    """Number of the series in each grouping set, -1 where a label of it is missing; shape (k, sets)."""


class KnownLabels:
    """Knows the label values of one source.

    Args:
        beside: names of what comes after the labels (a score's name and origin).
    """

    def __init__(self, config: RollupConfig, beside: tuple[str, ...] = ()) -> None:
        self._config = config
        self._names = (*config.labels, *beside)
        self._beside = beside
        self._service_at = config.labels.index("service")
        self.forget()

    def forget(self) -> None:
        """Forget everything: the reader's codes mean something else from now on."""
        self.indexes = [SeriesIndex(grouping, self._names, self._beside) for grouping in self._config.groupings]
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
        self._places.filled[code] = [1 + service, *(index.pick(values) for index in self.indexes)]
