"""The order of the tests, such that some wait while others compute.

pytest-xdist gives each of its processes a stretch of the list, all of one length, and later takes from the ends of
those that are behind. Tests that start brokers and workers mostly wait; the others compute. So each stretch has its
share of the former, spread over its first part: most of the time some processes wait, and the rest keeps the cores
busy.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from itertools import groupby
from typing import TypeVar

__all__ = ["spread"]

T = TypeVar("T")

#: The part of a stretch after which none of those that wait begins: at the end nobody should wait for one of them.
_FIRST = 0.8


def spread(waiting: Iterable[T], computing: Iterable[T], processes: int, together: Callable[[T], Hashable]) -> list[T]:
    """All tests in their new order.

    Args:
        together: tests that follow one another and have the same key share a fixture, and stay in one piece.
    """
    groups = [list(group) for _, group in groupby(waiting, together)]
    rest = list(computing)
    shares = [[test for group in groups[number::processes] for test in group] for number in range(processes)]
    order: list[T] = []
    left = sum(map(len, shares)) + len(rest)
    for number, share in enumerate(shares):
        size = left // (processes - number)  # as xdist divides
        left -= size
        taken = max(0, size - len(share))
        order += _mixed(share, rest[:taken], together)
        rest = rest[taken:]
    return order + rest


def _mixed(waiting: Sequence[T], computing: Sequence[T], together: Callable[[T], Hashable]) -> list[T]:
    """One stretch: between groups of computing tests as many of the waiting ones as are due by then."""
    due = [list(group) for _, group in groupby(waiting, together)]
    mixed: list[T] = due.pop(0) if due else []
    apart = len(computing) * _FIRST / (len(due) + 1)
    behind = 0.0
    for _, group in groupby(computing, together):
        mixed += (tests := list(group))
        behind += len(tests)
        while due and behind >= apart:
            behind -= apart
            mixed += due.pop(0)
    return mixed + [test for group in due for test in group]
