"""The epoch in force at a block is that of the latest start at or before it, zombies left out."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from callgauge_streams.detect.epochs import Epochs
from tests.unit.streams.detect.takeovers import SOURCE, start


def in_force(epochs: Epochs, *blocks: int) -> list[str | None]:
    return [epochs.in_force(SOURCE, block) for block in blocks]


def test_a_later_start_is_in_force_from_its_block_on() -> None:
    epochs = Epochs()
    assert epochs.accept(start(0, "e1", 1))
    assert in_force(epochs, 0, 41, 100) == ["e1", "e1", "e1"]
    assert epochs.accept(start(41, "e2", 2))
    assert in_force(epochs, 0, 41, 100) == ["e1", "e2", "e2"]


def test_a_lower_term_is_a_zombies_and_changes_nothing() -> None:
    epochs = Epochs()
    epochs.accept(start(41, "e2", 2))
    assert not epochs.accept(start(0, "e1", 1))
    assert in_force(epochs, 0, 41) == [None, "e2"]


def test_before_the_first_known_start_rows_count_as_they_are() -> None:
    epochs = Epochs()
    epochs.accept(start(41, "e2", 2))
    assert epochs.counts(SOURCE, 40, "whatever")
    assert not epochs.counts(SOURCE, 41, "whatever")
    assert epochs.counts("another source", 41, "whatever")
    assert epochs.heard(SOURCE)
    assert not epochs.heard("another source")


def test_a_start_further_back_takes_over_all_that_follows() -> None:
    """
    from 0, e1 | from 41, e2 | from 20, e1        blocks 0 and 20 on: e1, and 41 no more e2
    """
    epochs = Epochs()
    for at in (start(0, "e1", 1), start(41, "e2", 2), start(20, "e1", 3)):
        epochs.accept(at)
    assert in_force(epochs, 0, 20, 41, 100) == ["e1"] * 4


STARTS = st.builds(start, st.integers(0, 8), st.sampled_from(("e0", "e1", "e2")), st.integers(1, 12))


@given(starts=st.lists(STARTS, max_size=12))
def test_it_is_what_the_list_of_accepted_starts_says(starts: list[Any]) -> None:
    """However many starts are kept; and telling one again changes nothing."""
    epochs, accepted, newest = Epochs(), [], (0, "")
    for at in starts:
        if epochs.accept(at):
            assert (at.term, at.epoch) >= newest
            newest = (at.term, at.epoch)
            accepted.append(at)
            epochs.accept(at)
        else:
            assert (at.term, at.epoch) < newest
    for block in range(10):
        latest = [at.epoch for at in accepted if at.from_offset <= block]
        assert epochs.in_force(SOURCE, block) == (latest[-1] if latest else None)
