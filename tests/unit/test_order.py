"""The order of tests: none is lost, some wait while others compute, and what shares a fixture stays together."""

from __future__ import annotations

from itertools import pairwise

import pytest

from tests.order import spread

#: Of file a ten tests, and so on.
COMPUTING = [f"{file}{number}" for file in "abcdefgh" for number in range(10)]
WAITING = [*(f"{number}-waits" for number in range(7)), "K-waits", "K-waits-too", "K-and-so-on"]


def file_of(test: str) -> str:
    return test[0]


@pytest.mark.parametrize("processes", [1, 2, 4, 7])
def test_each_test_is_there_once_and_those_of_a_file_follow_one_another(processes: int) -> None:
    """In the order in which they were; a file is cut where a stretch ends, and a group that waits never is."""
    order = spread(WAITING, COMPUTING, processes, file_of)
    assert sorted(order) == sorted(WAITING + COMPUTING)
    assert [test for test in order if test in COMPUTING] == COMPUTING
    at = order.index("K-waits")
    assert order[at : at + 3] == WAITING[-3:]
    runs = sum(file_of(a) != file_of(b) for a, b in pairwise(order))
    assert runs <= 2 * 8 + processes


def test_each_stretch_begins_with_one_that_waits_and_ends_with_computing() -> None:
    """xdist takes the stretches to be of one length."""
    order = spread(WAITING, COMPUTING, 3, file_of)
    for stretch in (order[:30], order[30:60], order[60:]):
        waiting = [at for at, test in enumerate(stretch) if test in WAITING]
        assert waiting[0] == 0
        assert 15 <= waiting[-1] <= 28
        assert 2 <= len(waiting) <= 5


def test_without_tests_of_one_kind() -> None:
    """And with fewer tests than processes."""
    assert spread([], COMPUTING, 4, file_of) == COMPUTING
    assert sorted(spread(WAITING, [], 4, file_of)) == sorted(WAITING)
    assert spread(["1"], ["a", "b"], 5, file_of) in (["1", "a", "b"], ["a", "1", "b"], ["a", "b", "1"])
