"""A range is parted among the tiers without a gap, and no dirty bucket is read from the tier that it is dirty in."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from callgauge_history.tiers.ladder import TIERS, bucket_start_ms
from callgauge_history.tiers.segments import Coverage, Segment, segments

WIDTHS = {"s": 10, "m": 60, "l": 360}


@st.composite
def coverages(draw: st.DrawFn) -> list[Coverage]:
    """Tiers of 10, 60 and 360, some of them, with dirty buckets."""
    names = list(WIDTHS)[: draw(st.integers(0, 3))]
    return [
        Coverage(
            name,
            WIDTHS[name],
            frozenset(n * WIDTHS[name] for n in draw(st.lists(st.integers(0, 2_000 // WIDTHS[name]), max_size=6))),
            draw(st.sampled_from((0, 0, 600))),
        )
        for name in names
    ]


@given(coverages(), st.integers(0, 2_000), st.integers(0, 2_000))
def test_every_instant_is_answered_once(tiers: list[Coverage], start: int, end: int) -> None:
    """The parts follow each other, whole buckets each, and none that is dirty."""
    parts = segments(start, end, tiers)
    if start >= end:
        assert parts == []
        return
    assert (parts[0].start_ms, parts[-1].end_ms) == (start, end)
    assert all(a.end_ms == b.start_ms for a, b in pairwise(parts))
    by_name = {tier.name: tier for tier in tiers}
    for part in parts:
        if part.tier:
            tier = by_name[part.tier]
            assert part.start_ms % tier.width_ms == part.end_ms % tier.width_ms == 0
            read = set(range(part.start_ms, part.end_ms, tier.width_ms))
            assert not {bucket for bucket in read & tier.dirty if bucket >= tier.kept_from_ms}


@given(coverages(), st.integers(0, 2_000), st.integers(0, 2_000))
def test_the_coarsest_that_can_answer_does(tiers: list[Coverage], start: int, end: int) -> None:
    """No clean bucket inside the range is read from a finer tier."""
    parts = segments(start, end, tiers)
    coarse = {tier.name: place for place, tier in enumerate(tiers)} | {"": -1}
    for place, tier in enumerate(tiers):
        for bucket in range(-(-start // tier.width_ms) * tier.width_ms, end - tier.width_ms + 1, tier.width_ms):
            if bucket not in tier.dirty or bucket < tier.kept_from_ms:
                inside = [p for p in parts if p.start_ms < bucket + tier.width_ms and p.end_ms > bucket]
                assert all(coarse[part.tier] >= place for part in inside)


def test_too_many_pieces_are_left_to_the_finer_tier() -> None:
    """Every second bucket is dirty: one statement over the finer rows is cheaper than a hundred pieces."""
    dirty = frozenset(range(0, 20_000, 20))
    assert segments(0, 20_000, [Coverage("s", 10, dirty)]) == [Segment("", 0, 20_000)]


def test_buckets() -> None:
    """Windows that fit begin in the bucket of their start; others keep their own."""
    assert [bucket_start_ms(3_599_990, 10, tier.width_ms) for tier in TIERS] == [3_540_000, 0, 0]
    assert bucket_start_ms(90_000, 90_000, 60_000) == 90_000
    assert bucket_start_ms(90_000, 90_000, 3_600_000) == 0
