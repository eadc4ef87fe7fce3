"""Baselines: what a series' present is compared with.

    rolling    the newest `size` learned values; the oldest makes room (the default)
    pinned     the first `size` values of a version (a deployment, a model update), then no more

`begin(version)` starts a new baseline when `response_model` or `prompt_version` changes, and keeps the old one as
`previous` to compare with. Values judged with learn=False never get in, so that an incident does not become normal.

Parameters
    size           values kept (windows).
    min_history    values below which nothing is judged (windows).
    pinned         see above.

Memory 8 * size bytes, twice after the first `begin`. Learning costs 0.3 µs. The statistics are computed from the
values themselves and not carried along, so that no rounding error adds up however long the series.

>>> baseline = Baseline(BaselineConfig(size=3, min_history=2))
>>> for value in (1.0, 2.0, 3.0, 4.0): baseline.learn(value)
>>> sorted(baseline.values.tolist()), baseline.ready
([2.0, 3.0, 4.0], True)
>>> baseline.begin("gpt-4-0613"), len(baseline.values), sorted(baseline.previous.tolist())
(True, 0, [2.0, 3.0, 4.0])
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

__all__ = ["SIGMA_PER_MAD", "SIGMA_PER_MEAN_AD", "Baseline", "BaselineConfig", "mean_sigma", "median_mad"]

Floats = npt.NDArray[np.float64]

#: MAD and mean absolute deviation of a normal distribution, as factors to its σ.
SIGMA_PER_MAD = 1.482602218505602
SIGMA_PER_MEAN_AD = 1.2533141373155001


@dataclass(frozen=True, slots=True)
class BaselineConfig:
    """See the top of the file."""

    size: int = 288
    min_history: int = 20
    pinned: bool = False


class Baseline:
    """A bounded store of learned values; see the top of the file."""

    def __init__(self, config: BaselineConfig) -> None:
        if not 0 < config.min_history <= config.size:
            raise ValueError(f"min_history must be in 1 ... size = {config.size}, not {config.min_history}")
        self.config = config
        self.version = ""
        self.previous: Floats = np.empty(0)
        self._ring: Floats = np.zeros(config.size)
        self._learned = 0

    @property
    def values(self) -> Floats:
        """What is kept, in no particular order; a view, not to be changed."""
        return self._ring[: min(self._learned, self.config.size)]

    @property
    def ready(self) -> bool:
        """Whether there is enough to judge by."""
        return self._learned >= self.config.min_history

    def learn(self, value: float) -> None:
        """Take a finite value in."""
        if self.config.pinned and self._learned >= self.config.size:
            return
        self._ring[self._learned % self.config.size] = value
        self._learned += 1

    def begin(self, version: str) -> bool:
        """Start anew if the version is another one; returns whether it is."""
        if version == self.version:
            return False
        self.version = version
        if self._learned:
            self.previous, self._learned = self.values.copy(), 0
        return True

    def snapshot(self) -> dict[str, Any]:
        """The state, JSON-able."""
        return {
            "version": self.version,
            "learned": self._learned,
            "values": self.values.tolist(),
            "previous": self.previous.tolist(),
        }

    def restore(self, snapshot: dict[str, Any]) -> Self:
        """Put a state back; returns self."""
        self.version, self._learned = snapshot["version"], snapshot["learned"]
        self._ring[: len(snapshot["values"])] = snapshot["values"]
        self.previous = np.array(snapshot["previous"], dtype=np.float64)
        return self


def mean_sigma(values: Floats) -> tuple[float, float]:
    """Mean and sample standard deviation."""
    mean = float(values.mean())
    deviations = values - mean
    return mean, float(np.dot(deviations, deviations) / max(1, len(values) - 1)) ** 0.5


def median_mad(values: Floats) -> tuple[float, float]:
    """Median and the σ that the median absolute deviation stands for.

    Where more than half of the values are equal the MAD is 0; then the mean absolute deviation from the median takes
    its place (Iglewicz, Hoaglin: How to Detect and Handle Outliers, 1993).
    """
    median = _median(values)
    deviations = np.abs(values - median)
    sigma = SIGMA_PER_MAD * _median(deviations)
    return median, sigma or SIGMA_PER_MEAN_AD * float(deviations.mean())


def _median(values: Floats) -> float:
    """As np.median, a fifth of its cost on short arrays."""
    ordered = np.sort(values)
    half = len(ordered) // 2
    return float(ordered[half]) if len(ordered) % 2 else float(ordered[half - 1] + ordered[half]) / 2.0
