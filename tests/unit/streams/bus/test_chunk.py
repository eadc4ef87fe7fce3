"""The chain: nothing missing, nothing twice, whatever is sought and fetched again."""

from __future__ import annotations

import pytest

from callgauge.errors import BrokenChain
from callgauge_streams.bus.chunk import Chain, Chunk
from callgauge_streams.bus.records import Records


def chunk(*offsets: int, seek: int = 1, start: int = 0, previous: int | None = None) -> Chunk:
    return Chunk(0, 1, seek, start, previous, 0, Records.of(offsets, [0] * len(offsets), [b""] * len(offsets)))


def accepted(chain: Chain, chunk_: Chunk) -> list[int]:
    fresh = chain.accept(chunk_)
    return fresh.records.offsets.tolist() if fresh else []


def test_chunks_in_order_are_taken_whole() -> None:
    chain = Chain(0)
    assert accepted(chain, chunk(0, 1, 2)) == [0, 1, 2]
    assert accepted(chain, chunk(3, 7, previous=2)) == [3, 7]
    assert chain.next_offset == 8


def test_after_a_seek_back_what_was_taken_is_dropped() -> None:
    chain = Chain(0)
    chain.accept(chunk(0, 1, 2))
    assert accepted(chain, chunk(0, 1, seek=2)) == []
    assert accepted(chain, chunk(2, 3, seek=2, previous=1)) == [3]


def test_chunks_of_an_older_seek_are_dropped() -> None:
    chain = Chain(0)
    chain.accept(chunk(0, seek=2))
    assert accepted(chain, chunk(1, seek=1, previous=0)) == []


@pytest.mark.parametrize(
    "broken",
    [
        chunk(5, previous=4),  # 1..4 never came
        chunk(5, seek=2, previous=4),  # the first chunk after the second seek never came
        chunk(5, seek=2, start=5),  # sought past what comes next
    ],
)
def test_a_gap_ends_the_worker(broken: Chunk) -> None:
    chain = Chain(0)
    chain.accept(chunk(0))
    with pytest.raises(BrokenChain, match="reads again from its last commit"):
        chain.accept(broken)


def test_a_chain_begins_with_the_first_chunk_after_a_seek() -> None:
    with pytest.raises(BrokenChain):
        Chain(0).accept(chunk(3, previous=2))
