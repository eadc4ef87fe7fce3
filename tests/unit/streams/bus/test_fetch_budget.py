"""How many partitions are asked for at a time follows from how much they send."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from callgauge_streams.bus.fetch_budget import FetchBudget, Topics, use_budget

MB = 1 << 20
MANY: Topics = [("calls", [(number, 0, 1) for number in range(60)]), ("scores", [(0, 0, 1), (1, 0, 1)])]


def asked(topics: Topics) -> int:
    return sum(len(partitions) for _, partitions in topics)


def test_all_partitions_are_asked_for_while_little_comes() -> None:
    """... but for the first requests: what is not read yet may be much, and the largest batches have a megabyte."""
    budget = FetchBudget(16 * MB)
    found = []
    for received in (0, 0, 100, 15 * MB, 0):
        found.append(asked(budget.cut(MANY)))
        budget.note(received)
    assert found == [16, 32, 62, 62, 62]


def all_asked() -> FetchBudget:
    """A budget that has come to all partitions."""
    budget = FetchBudget(16 * MB)
    for _ in range(3):
        budget.cut(MANY)
        budget.note(0)
    return budget


def test_large_responses_make_fewer() -> None:
    """62 partitions of 1.2 MB each: then as many as fit, and they stay as many while they fit."""
    budget = all_asked()
    budget.cut(MANY)
    budget.note(62 * 1_200_000)
    assert asked(budget.cut(MANY)) == 13
    budget.note(13 * 1_200_000)
    assert budget.cut(MANY) == [("calls", MANY[0][1][:13])]


def test_it_goes_back_to_all_when_the_partitions_are_read_up() -> None:
    """Doubling takes few requests."""
    budget = all_asked()
    budget.cut(MANY)
    budget.note(1 << 40)
    found: list[int] = []
    while not found or found[-1] < 62:
        found.append(asked(budget.cut(MANY)))
        budget.note(0)
    assert found == [1, 2, 4, 8, 16, 32, 62]


def test_a_partition_that_is_larger_than_all() -> None:
    """Is asked for alone, not left out."""
    budget = FetchBudget(MB)
    one: Topics = [("calls", [(0, 0, 1)])]
    budget.cut(one)
    budget.note(50 * MB)
    assert budget.cut(one) == one


def test_the_requests_of_a_fetcher_are_cut() -> None:
    """All else of aiokafka's answer stays as it is."""
    request: Any = SimpleNamespace(_topics=MANY)
    fetcher: Any = SimpleNamespace(_get_actions_per_node=lambda _: ([(1, request)], {}, 0.5, False, []))
    sizes = iter([0, 62 * 1_200_000])
    use_budget(fetcher, all_asked(), lambda: next(sizes))
    fetcher._get_actions_per_node(None)
    assert asked(request._topics) == 62
    request._topics = MANY
    assert fetcher._get_actions_per_node(None)[1:] == ({}, 0.5, False, [])
    assert asked(request._topics) == 13
