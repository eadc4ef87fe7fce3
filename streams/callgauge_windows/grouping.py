"""Grouping sets as windows need them: the ids of their series, and where those land."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

from callgauge.groupings import GroupingSet, parse_groupings

__all__ = ["OTHER", "GroupingSet", "parse_groupings", "partition_of", "series_id"]

#: Stands for every value of a label that has too many of them.
OTHER = "__other__"


def series_id(grouping: GroupingSet, values: Sequence[str]) -> int:
    """64-bit id of a series: the same in every process, for ever.

    Args:
        grouping: its name is hashed too, so a series has another id in every grouping set.
        values: one per label of the grouping set, in its order.
    """
    digest = blake2b(digest_size=8)
    for text in (grouping.name, *values):
        data = text.encode()
        digest.update(len(data).to_bytes(4, "big") + data)
    return int.from_bytes(digest.digest(), "big")


def partition_of(series: int, partitions: int) -> int:
    """The partition of the windows topic where all rows of a series land."""
    return series % partitions
