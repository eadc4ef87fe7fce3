"""The settings that decide what a row contains."""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import blake2b
from math import gcd

from callgauge.counted import LABELS
from callgauge.settings import Settings
from callgauge.units import LIMIT
from callgauge_windows.grouping import GroupingSet, parse_groupings
from callgauge_windows.histogram import SCALE

__all__ = ["RollupConfig"]

# Raise this by one whenever the meaning of a row changes although no setting does.
_ROW_FORMAT = 6


@dataclass(frozen=True)
class RollupConfig:
    """All that decides what a row contains, and the out-of-orderness bound, which does not."""

    groupings: tuple[GroupingSet, ...]
    block_offsets: int = 65_536
    out_of_orderness_ms: int = 2_000
    dedup_offsets: int = 131_072
    dedup_ms: int = 60_000
    series_cap: int = 2_000

    @classmethod
    def of(cls, settings: Settings) -> RollupConfig:
        """The configuration that the settings describe."""
        return cls(
            groupings=parse_groupings(settings.groupings),
            block_offsets=settings.block_offsets,
            out_of_orderness_ms=settings.out_of_orderness_ms,
            dedup_offsets=settings.dedup_offsets,
            dedup_ms=round(settings.dedup_s * 1000),
            series_cap=settings.series_cap,
        )

    @property
    def epoch(self) -> str:
        """Short hash of all that changes what a row contains."""
        dedup = [self.dedup_offsets, self.dedup_ms]
        sets = [grouping.name for grouping in self.groupings]
        content = [_ROW_FORMAT, self.block_offsets, sets, SCALE, LIMIT, *dedup, self.series_cap]
        return blake2b(json.dumps(content).encode(), digest_size=4).hexdigest()

    @property
    def labels(self) -> tuple[str, ...]:
        """Every label that some grouping set names; the service, since the cap on series is per service; and the
        operation, since steps around calls do not count everywhere."""
        named = {"service", "operation"}.union(*(grouping.labels for grouping in self.groupings))
        return tuple(label for label in LABELS if label in named)

    @property
    def finest_ms(self) -> int:
        """The widest window of which every grouping set's windows are multiples."""
        return gcd(*(grouping.window_ms for grouping in self.groupings))
