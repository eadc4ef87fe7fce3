"""Answers of the history that are given again for a moment: pages ask the same side by side, and each second."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future

from callgauge_history.store import Ask, Parameters, QueryResult

__all__ = ["Remembered"]

_MOST = 256


class Remembered:
    """An `Ask` that keeps each answer for a while. A question that is being answered is not asked a second time.

    Errors are not kept. May be used from any thread.

    Args:
        ask: what is asked.
        for_s: how long an answer holds, from when it was asked for.
        clock: seconds that never go back.
    """

    def __init__(self, ask: Ask, for_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._ask, self._for_s, self._clock = ask, for_s, clock
        self._lock = threading.Lock()
        self._known: OrderedDict[str, tuple[float, Future[QueryResult]]] = OrderedDict()

    def __call__(self, sql: str, parameters: Parameters | None = None) -> QueryResult:
        """The answer.

        Raises:
            StoreError: the store cannot be asked.
        """
        key = f"{sql}\x00{sorted((parameters or {}).items())!r}"
        with self._lock:
            now = self._clock()
            known = self._known.get(key)
            mine = False
            if known is None or _is_over(*known, now - self._for_s):
                mine = True
                known = self._known[key] = (now, Future())
                self._known.move_to_end(key)
                if len(self._known) > _MOST:
                    self._known.popitem(last=False)
        answer = known[1]
        if mine:
            try:
                answer.set_result(self._ask(sql, parameters))
            except BaseException as error:
                answer.set_exception(error)
        return answer.result()


def _is_over(asked_at: float, answer: Future[QueryResult], since: float) -> bool:
    """Whether somebody has to ask anew: what is being answered is waited for."""
    return answer.done() and (asked_at <= since or answer.exception() is not None)
