"""The tiers, and the arithmetic of their buckets. Pure.

Each tier holds, for each series and bucket, the sum of the windows that begin in the bucket. A grouping set whose
windows do not fit into a tier's buckets (7 s into 1 m) keeps its own width in it. So every tier holds every grouping
set, and a range that begins and ends at multiples of the tier's width holds whole buckets only:

    windows  |10|10|10|10|10|10|10|10|10|10|10|10|         grouping model@10s
    1 m      |        60       |        60       |
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["BASES", "TIERS", "Base", "Tier", "bucket_start_ms"]


@dataclass(frozen=True)
class Base:
    """A table of windows, from which a table of each tier is derived."""

    table: str
    """Its rows as they were written; `<table>_final` has each that counts once."""
    key: tuple[str, ...] = ()
    """What besides grouping set, series and window start makes the rows of a tier different."""


@dataclass(frozen=True)
class Tier:
    """One width of buckets."""

    name: str
    width_ms: int
    every_s: float
    """How often it is derived. The finer ones are due whenever a coarser one is."""

    def table(self, base: Base) -> str:
        """The table that holds the base's windows in this tier."""
        return f"{base.table}_{self.name}"


#: The finest first: each is derived from the one before, the first from the windows.
TIERS = (Tier("1m", 60_000, 60.0), Tier("1h", 3_600_000, 300.0), Tier("1d", 86_400_000, 1_800.0))
BASES = (Base("windows"), Base("score_windows", ("name", "origin")))


def bucket_start_ms(start_ms: int, window_ms: int, width_ms: int) -> int:
    """Where the bucket of a window begins.

    >>> bucket_start_ms(125_000, 10_000, 60_000), bucket_start_ms(126_000, 7_000, 60_000)
    (120000, 126000)
    """
    return start_ms // width_ms * width_ms if width_ms % window_ms == 0 else start_ms
