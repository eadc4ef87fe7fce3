"""`with gauge.call(model=...) as call:` measures one call and emits it at the end."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

from callgauge.decorating import measured
from callgauge.failures import failure_of
from callgauge.ids import uuid7
from callgauge.refs import ref_of
from callgauge.trace_context import SpanContext, placed

if TYPE_CHECKING:
    import asyncio
    from typing import Self

__all__ = ["TimedCall", "current", "last_call"]

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])

#: The innermost call or span that is under way in this thread or task.
_current: ContextVar[TimedCall | None] = ContextVar("callgauge_current", default=None)
#: The call that ended last in this thread or task.
_last: ContextVar[TimedCall | None] = ContextVar("callgauge_last", default=None)


def last_call() -> TimedCall | None:
    """The call, not span, that was measured and ended last in this thread or task."""
    return _last.get()


def current() -> TimedCall | None:
    """The innermost call or span whose `with` block, or decorated function, this thread or task is in."""
    return _current.get()


class TimedCall:
    """Measures the call that is made inside the `with` block, and emits it when the block ends.

    As a decorator it does so for each run of a function. Inside a span the call gets the span's ids.

    Not for two threads at once. Nothing is emitted if the block is never entered. If it is entered again (in a loop of
    retries), that is another call with an id of its own, with the fields that were set before it was first entered.

    If an exception leaves the block, status, error_type and http_status become what `failures.failure_of` says of it,
    unless they were set before; so does `error_message`: the name of the exception's class, since its text might hold a
    prompt. A stop by the caller (a generator that is closed, a cancelled task, KeyboardInterrupt) is cancelled, not an
    error; a task that is cancelled because an `asyncio.timeout` around the block has expired, a timeout. The exception
    always reaches the caller.
    """

    _is_call = True

    def __init__(
        self,
        emit: Callable[..., str],
        fields: dict[str, Any],
        clock: Callable[[], float],
        timer: Callable[[], float],
        defaults: Mapping[str, Any] = MappingProxyType({}),
    ) -> None:
        """`defaults`: of fields that the call does not have when it is emitted."""
        self._emit = emit
        self._fields = fields
        self._clock = clock
        self._timer = timer
        self._defaults = defaults
        self._started = 0.0
        self._ended = False
        self._at_first: dict[str, Any] | None = None
        self._outer: TimedCall | None = None
        self.scope: SpanContext | None = None
        """The span that what happens inside belongs to; None outside of any."""
        self._in_span: TimedCall | None = None
        self.event_id = ""
        """The id under which the call was emitted; "" before, and if it was not taken."""

    def set(self, **fields: Any) -> None:
        """Set fields of the `Call`; what is set last counts."""
        self._fields.update(fields)

    def set_content(self, *, prompt: Any = None, response: Any = None) -> None:
        """Set the prompt and the answer: text, or messages of which the JSON is taken when the call ends. They are sent
        only where the setting CALLGAUGE_CONTENT asks for them, redacted, apart from the call."""
        given = {"prompt": prompt, "response": response}
        self._fields.update((name, value) for name, value in given.items() if value is not None)

    def first_token(self) -> None:
        """Call this when the first token has come: sets `time_to_first_token_ms`. Further calls change nothing."""
        self._fields.setdefault("time_to_first_token_ms", self._elapsed_ms())
        self._fields.setdefault("stream", True)

    @property
    def ref(self) -> str:
        """A token for judgements of this call that come later, from whatever process (`Gauge.score` and the like).

        Take it when the call has ended: before, labels that are still to be set are not known to it.
        """
        event_id = self.event_id or self._fields.get("event_id")
        if event_id is None:
            event_id = self._fields["event_id"] = uuid7(self._clock())
        known = {**self._defaults, **{name: value for name, value in self._fields.items() if value is not None}}
        return ref_of({**known, "event_id": event_id}, complete=self._ended)

    def begin(self) -> None:
        """Measure from now on. For whoever cannot use a `with` block: this does not make the call the current one."""
        if self._at_first is None:
            self._at_first = dict(self._fields)
        else:
            self._fields = {name: value for name, value in self._at_first.items() if name != "event_id"}
        self.event_id, self._ended = "", False
        self._place()
        self._fields.setdefault("ts", self._clock())
        self._started = self._timer()

    def end(self, error: BaseException | None) -> None:
        """The call has ended, by `error` if that is not None; emit it."""
        fields = self._fields
        fields.setdefault("latency_ms", self._elapsed_ms())
        if fields.get("error_type") is not None:
            fields.setdefault("status", "error")
        if error is not None:
            for name, value in failure_of(error).items():
                fields.setdefault(name, value)
        self._ended = True
        if self._is_call:
            _last.set(self)
        task = _cancelled_task(error)
        if task is not None and fields.get("status") == "cancelled":
            self.event_id = fields.setdefault("event_id", uuid7(self._clock()))
            task.get_loop().call_soon(_Undecided(self._emit, dict(fields), task).decide)
        else:
            self.event_id = self._emit(**fields)
        if isinstance(fields.get("error_type"), BaseException):  # it would keep the host's frames alive
            del fields["error_type"]

    def activate(self) -> None:
        """Make it the current one of this thread or task."""
        if (outer := _current.get()) is not self:
            self._outer = outer
            _current.set(self)

    def deactivate(self) -> None:
        """Make the one before the current one again, or, if that has ended meanwhile, the one before that. Nothing
        happens where this one is not current, as where a generator is closed by somebody else than its reader."""
        if _current.get() is self:
            outer = self._outer
            while outer is not None and outer._ended:
                outer = outer._outer
            _current.set(outer)

    def __enter__(self) -> Self:
        self.begin()
        self.activate()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.deactivate()
        self.end(error)

    def __call__(self, function: FunctionT) -> FunctionT:
        """Decorate a function: each run of it is a call with an id of its own. In it, `Gauge.current` is the call."""
        return measured(function, lambda: self._another(function))

    def _another(self, function: Callable[..., Any]) -> TimedCall:
        return TimedCall(self._emit, dict(self._fields), self._clock, self._timer, self._defaults)

    def _place(self) -> None:
        """Find the span that it belongs to."""
        inside = _current.get()
        self.scope, self._in_span = (None, None) if inside is None else (inside.scope, inside._span)
        self._fields = self.place(self._fields)

    @property
    def _span(self) -> TimedCall | None:
        """The span that `scope` is of."""
        return self._in_span

    def place(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """The fields of a call that is made inside, with the span's ids and what it inherits of the span."""
        return dict(placed(fields, self.scope, {} if self._span is None else self._span._fields))

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
