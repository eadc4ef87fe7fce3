"""`with gauge.call(model=...) as call:` measures one call and emits it at the end."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any

from callgauge.failures import failure_of
from callgauge.ids import uuid7

if TYPE_CHECKING:
    import asyncio

__all__ = ["TimedCall"]


class TimedCall:
    """Measures the call that is made inside the `with` block, and emits it when the block ends.

    Not for two threads at once. Nothing is emitted if the block is never entered. If it is entered again (in a loop of
    retries), that is another call with an id of its own, with the fields that were set before it was first entered.

    If an exception leaves the block, status, error_type and http_status become what `failures.failure_of` says of it,
    unless they were set before; so does `error_message`: the name of the exception's class, since its text might hold a
    prompt. A stop by the caller (a generator that is closed, a cancelled task, KeyboardInterrupt) is cancelled, not an
    error; a task that is cancelled because an `asyncio.timeout` around the block has expired, a timeout. The exception
    always reaches the caller.
    """

    def __init__(
        self, emit: Callable[..., str], fields: dict[str, Any], clock: Callable[[], float], timer: Callable[[], float]
    ) -> None:
        self._emit = emit
        self._fields = fields
        self._clock = clock
        self._timer = timer
        self._started = 0.0
        self._at_first: dict[str, Any] | None = None
        self.event_id = ""
        """The id under which the call was emitted; "" before, and if it was not taken."""

    def set(self, **fields: Any) -> None:
        """Set fields of the `Call`; what is set last counts."""
        self._fields.update(fields)

    def first_token(self) -> None:
        """Call this when the first token has come: sets `time_to_first_token_ms`. Further calls change nothing."""
        self._fields.setdefault("time_to_first_token_ms", self._elapsed_ms())
        self._fields.setdefault("stream", True)

    def __enter__(self) -> TimedCall:
        if self._at_first is None:
            self._at_first = dict(self._fields)
        else:
            self._fields = {name: value for name, value in self._at_first.items() if name != "event_id"}
        self.event_id = ""
        self._fields.setdefault("ts", self._clock())
        self._started = self._timer()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        fields = self._fields
        fields.setdefault("latency_ms", self._elapsed_ms())
        if fields.get("error_type") is not None:
            fields.setdefault("status", "error")
        if error is not None:
            for name, value in failure_of(error).items():
                fields.setdefault(name, value)
        task = _cancelled_task(error)
        if task is not None and fields.get("status") == "cancelled":
            self.event_id = fields.setdefault("event_id", uuid7(self._clock()))
            task.get_loop().call_soon(_Undecided(self._emit, dict(fields), task).decide)
        else:
            self.event_id = self._emit(**fields)

    def _elapsed_ms(self) -> float:
        return max(0.0, (self._timer() - self._started) * 1e3)


def _cancelled_task(error: BaseException | None) -> asyncio.Task[Any] | None:
    """The task that is being cancelled, if `error` says so."""
    tasks = sys.modules.get("asyncio")  # a host that has not imported it has no tasks
    if tasks is None or not isinstance(error, tasks.CancelledError):
        return None
    try:
        task: asyncio.Task[Any] | None = tasks.current_task()
        return task
    except RuntimeError:  # no event loop runs here
        return None


class _Undecided:
    """A call that ended since its task was cancelled: by its user, or by an `asyncio.timeout` that has expired.

    A timeout takes its cancellation back when the exception reaches it (`Task.uncancel`), and a user's stands. So this
    is looked at when the task has gone on; or when the loop ends before that and lets go of this.
    """

    def __init__(self, emit: Callable[..., str], fields: dict[str, Any], task: asyncio.Task[Any]) -> None:
        self._emit = emit
        self._fields: dict[str, Any] | None = fields
        self._task = task
        self._cancellations = task.cancelling()

    def decide(self) -> None:
        """Emit the call, once."""
        fields, self._fields = self._fields, None
        if fields is None:
            return
        if self._task.cancelling() < self._cancellations:
            fields |= {"status": "error", "error_type": "timeout"}
        self._emit(**fields)

    __del__ = decide
