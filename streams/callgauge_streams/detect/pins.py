"""What the series of one condition are compared with where a baseline is pinned for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

from callgauge_detectors.anytime_rate import NO_BASELINES
from callgauge_detectors.drift_distribution import PinnedCounts
from callgauge_rules.aggregates import Aggregate
from callgauge_rules.baselines import TOKENS_SCALE, Baselines, share_in

__all__ = ["Pins"]

Int64s = npt.NDArray[np.int64]


class Pins:
    """See above.

    Args:
        labels_of: gives the labels of the series in a slot.
    """

    def __init__(
        self, baselines: Baselines, aggregate: Aggregate, labels_of: Callable[[int], Mapping[str, str]]
    ) -> None:
        self._baselines, self._aggregate, self._labels_of = baselines, aggregate, labels_of

    def shares(self, slots: Int64s, at_ms: int) -> Int64s:
        """Of each series the number, k and n of the baseline in force; 0 where none says anything of this share."""
        if not self._baselines:
            return NO_BASELINES
        found = np.zeros((len(slots), 3), dtype=np.int64)
        for at, slot in enumerate(slots.tolist()):
            pinned = self._baselines.of(self._labels_of(slot), at_ms)
            share = pinned and share_in(pinned, self._aggregate)
            if pinned and share:
                found[at] = pinned.number, *share
        return found

    def counts(self, slot: int, at_ms: int) -> PinnedCounts | None:
        """The pinned histogram of a series; None: there is none."""
        if not self._baselines or self._aggregate.measure != "output_tokens":
            return None
        pinned = self._baselines.of(self._labels_of(slot), at_ms)
        if pinned is None or not pinned.tokens:
            return None
        return PinnedCounts(pinned.number, pinned.tokens, TOKENS_SCALE, pinned.mean_tokens)
