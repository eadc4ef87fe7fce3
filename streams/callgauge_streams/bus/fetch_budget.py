"""Bounds the memory that fetched records take, whatever the number of partitions.

A broker sends at least one whole batch of each partition that is asked for, however small its share of the response may
be (KIP-74), and a producer's batch has up to a megabyte: 64 partitions filled 77 MB. So while responses are large, only
some partitions are asked for at a time, in the random order in which aiokafka asks. With little to read it is all of
them, so that none waits. Pinned to aiokafka 0.14.0; tests hold it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

__all__ = ["FetchBudget", "use_budget"]

_LARGE_BATCH = 1 << 20

#: (topic, [(partition, offset, most bytes)]), as a fetch request has them.
Topics = list[tuple[str, list[tuple[int, int, int]]]]


class FetchBudget:
    """How many partitions to ask for, from how much came when so many were asked for."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        # At first as many as fit, should each of them send a large batch.
        self._partitions: int | None = max(1, most_bytes // _LARGE_BATCH)
        self._asked = 0

    def note(self, received: int) -> None:
        """So many bytes came for what was cut last."""
        if not self._asked:
            return
        if received > self._most_bytes:
            self._partitions = max(1, self._asked * self._most_bytes // received)
        elif self._partitions is not None and 2 * received < self._most_bytes:
            self._partitions = 2 * self._partitions

    def cut(self, topics: Topics) -> Topics:
        """The first so many partitions of a request."""
        wanted = sum(len(partitions) for _, partitions in topics)
        if self._partitions is None or self._partitions >= wanted:
            self._partitions, self._asked = None, wanted
            return topics
        left, kept = self._partitions, []
        for topic, partitions in topics:
            if left > 0:
                kept.append((topic, partitions[:left]))
                left -= len(partitions)
        self._asked = self._partitions
        return kept


def use_budget(fetcher: Any, budget: FetchBudget, received: Callable[[], int]) -> None:
    """Make a started consumer's fetcher keep to a budget.

    Args:
        received: how many bytes came since this was last asked.
    """
    actions_of = fetcher._get_actions_per_node

    def cut_actions(assignment: Any) -> Any:
        requests, *rest = actions_of(assignment)
        if requests:
            budget.note(received())
            for _, request in requests:
                request._topics = budget.cut(request._topics)
        return requests, *rest

    fetcher._get_actions_per_node = cut_actions
