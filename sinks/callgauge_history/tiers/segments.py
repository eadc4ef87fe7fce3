"""Which tier answers which part of a range: the coarsest that holds it whole, finer ones at the edges. Pure.

A bucket is *dirty* when rows of it were stored after it was derived, so a finer tier, in the end the windows, is asked:

    asked      [ 14:22:10 yesterday ............................................ 09:41:30 today )
    windows    [14:22:10, 14:23)                                               [09:41, 09:41:30)
    1 m                  [14:23, 15:00)                            [09:00, 09:41)
    1 h                          [15:00, 24:00)           [00:00, 09:00)
    1 d                                        (whole days)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = ["Coverage", "Segment", "segments", "width_at"]

#: More pieces than this of one tier make a statement that is dearer than the rows it spares.
_MOST_PIECES = 64


@dataclass(frozen=True)
class Coverage:
    """What one tier can answer."""

    name: str
    width_ms: int
    dirty: frozenset[int] = frozenset()
    """Starts of buckets that are not up to date, epoch ms."""
    kept_from_ms: int = 0
    """What begins before this has outlived the *finer* tier: it is never dirty, nothing finer can tell better."""
    is_counted: bool = field(default=False, compare=False)
    """Whether the counts of its grouping sets are as new as the tier (`tiers.counting`)."""


@dataclass(frozen=True)
class Segment:
    """A part of the range, [start_ms, end_ms), and the tier that answers it; "" is the windows themselves."""

    tier: str
    start_ms: int
    end_ms: int
    is_counted: bool = field(default=False, compare=False)
    """See `Coverage.is_counted`."""


def width_at(at_ms: int, least_ms: int, tiers: Sequence[Coverage]) -> int:
    """To multiples of what an edge of a range there must be widened: what is finer is no longer kept.

    Args:
        least_ms: the width of the finest windows.
        tiers: the finest first.
    """
    return max([least_ms, *(tier.width_ms for tier in tiers if at_ms < tier.kept_from_ms)])


def segments(start_ms: int, end_ms: int, tiers: Sequence[Coverage]) -> list[Segment]:
    """Part a range among the tiers; the parts are in order of time, and every instant is in one of them.

    >>> [(s.tier, s.start_ms, s.end_ms) for s in segments(30, 250, [Coverage("100", 100)])]
    [('', 30, 100), ('100', 100, 200), ('', 200, 250)]

    Args:
        tiers: the finest first.
    """
    if start_ms >= end_ms:
        return []
    if not tiers:
        return [Segment("", start_ms, end_ms)]
    *finer, tier = tiers
    found: list[Segment] = []
    done_ms = start_ms
    for piece_start, piece_end in _clean_pieces(start_ms, end_ms, tier):
        found += segments(done_ms, piece_start, finer)
        found.append(Segment(tier.name, piece_start, piece_end, tier.is_counted))
        done_ms = piece_end
    return found + segments(done_ms, end_ms, finer)


def _clean_pieces(start_ms: int, end_ms: int, tier: Coverage) -> list[tuple[int, int]]:
    """The runs of whole buckets inside the range that are not dirty."""
    width = tier.width_ms
    first, last = -(-start_ms // width) * width, end_ms // width * width
    if first >= last:
        return []
    inside = sorted(bucket for bucket in tier.dirty if max(first, tier.kept_from_ms) <= bucket < last)
    edges = [first, *(edge for bucket in inside for edge in (bucket, bucket + width)), last]
    pieces = [(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True) if a < b]
    return pieces if len(pieces) <= _MOST_PIECES else []
