"""Waits between attempts: each wait is about twice as long as the one before, with a random part."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

__all__ = ["attempt_until_done", "backoff_s"]

T = TypeVar("T")
log = logging.getLogger(__name__)


def backoff_s(first_s: float = 0.5, most_s: float = 30.0, rand: Callable[[], float] = random.random) -> Iterator[float]:
    """Give the seconds to wait before each further attempt, without end.

    Each lies at random between half and all of `first_s`, 2·`first_s`, 4·`first_s` ... up to `most_s`.
    """
    wait_s = first_s
    while True:
        yield wait_s * (0.5 + rand() / 2)
        wait_s = min(wait_s * 2, most_s)


def attempt_until_done(
    attempt: Callable[[], T], temporary: type[Exception], sleep: Callable[[float], None] = time.sleep
) -> T:
    """Call `attempt` until it returns, and return what it returned.

    Args:
        temporary: after this error `attempt` is called again; the error is logged. Any other error is raised.
    """
    waits = backoff_s()
    while True:
        try:
            return attempt()
        except temporary as error:
            wait_s = next(waits)
            log.warning("%s; trying again in %.1f s", error, wait_s)
            sleep(wait_s)
