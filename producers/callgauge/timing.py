"""`with gauge.call(model=...) as call:` measures one call and emits it at the end."""

from __future__ import annotations

from collections.abc import Callable
from types import TracebackType
from typing import Any

__all__ = ["TimedCall"]


class TimedCall:
    """Measures the call that is made inside the `with` block, and emits it when the block ends.

    Not for two threads at once. Nothing is emitted if the block is never entered. If it is entered again (in a loop of
    retries), that is another call, with the fields that were set before it was first entered.

    If an exception leaves the block, `status` becomes error and `error_type` timeout (for a TimeoutError) or other,
    unless they were set before. `error_message` becomes the name of the exception's class, unless it was set, since the
    exception's text might hold a prompt. The exception always reaches the caller.
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
            self._fields = dict(self._at_first)
        self._fields.setdefault("ts", self._clock())
        self._started = self._timer()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        fields = self._fields
        fields.setdefault("latency_ms", self._elapsed_ms())
        if kind is not None:
            fields.setdefault("error_type", "timeout" if issubclass(kind, TimeoutError) else "other")
            fields.setdefault("error_message", kind.__qualname__[:256])
        if fields.get("error_type") is not None:
            fields.setdefault("status", "error")
        self.event_id = self._emit(**fields)

    def _elapsed_ms(self) -> float:
        return max(0.0, (self._timer() - self._started) * 1e3)
