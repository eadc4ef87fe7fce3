"""Waiting times between attempts: exponential, with jitter."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

__all__ = ["backoff_s"]


def backoff_s(first_s: float = 0.5, most_s: float = 30.0, rand: Callable[[], float] = random.random) -> Iterator[float]:
    """Seconds to wait before each next attempt, for ever: between half and all of 0.5, 1, 2 ... 30."""
    wait_s = first_s
    while True:
        yield wait_s * (0.5 + rand() / 2)
        wait_s = min(wait_s * 2, most_s)
