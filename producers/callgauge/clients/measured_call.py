"""One call of a client, from the request to the end of its answer, which a stream reaches long after the request."""

from __future__ import annotations

import contextvars
import os
from collections.abc import Callable, Mapping
from typing import Any

from callgauge.clients.answer import Answer
from callgauge.clients.failures import failure_of_call, retries_before
from callgauge.clients.faults import Faults
from callgauge.clients.parts import part
from callgauge.clients.rate_limits import rate_limits_of
from callgauge.mending import MENDED
from callgauge.timing import TimedCall

__all__ = ["ABANDONED", "MeasuredCall"]

#: Finish reason of a stream that did not come to its end.
ABANDONED = "abandoned"


class MeasuredCall:
    """Learns how a call goes, and emits it once: when it is answered, fails, is closed, or is forgotten.

    None of its methods raises: what fails here is a fault of ours. It holds no reference to the client or the stream,
    so that it is forgotten when they are.

    Args:
        call: measures the time; it is begun here.
        given: fields that are not to be changed by what the answer says, since the host named them.
        timer: seconds of a clock that never goes back.
    """

    def __init__(
        self, call: TimedCall, answer: Answer, given: Mapping[str, Any], faults: Faults, timer: Callable[[], float]
    ) -> None:
        self.answer = answer
        self.hides_usage = False
        """Whether we have asked for the stream's usage, and so must keep the chunk that comes for it."""
        self._given = given
        self._faults = faults
        self._timer = timer
        self._process = os.getpid()
        self._marks: list[str] = []
        self._status: int | None = None
        self._wrote = False
        # Emptied by whoever ends the call, so that a close and the garbage collector cannot both end it.
        self._open: list[TimedCall] = []
        self._began = self._last = timer()
        call.begin()
        self._open.append(call)

    def received(self, response: Any, retries: int | None = None) -> None:
        """The headers of an answer have come.

        Args:
            retries: how often the client had tried before; None: its request says so itself.
        """
        try:
            self._last = self._timer()
            self._status = part(response, "status_code")
            found: dict[str, Any] = {"http_status": self._status, **rate_limits_of(part(response, "headers") or {})}
            found["retry_count"] = retries_before(response) if retries is None else retries
            self._set({name: value for name, value in found.items() if value is not None})
        except Exception as error:
            self.fault("its headers were read", error)

    def take(self, body: Any) -> None:
        """The whole answer has come."""
        try:
            self._last = self._timer()
            self.answer.take(body)
        except Exception as error:
            self.fault("its answer was read", error)

    def take_chunk(self, chunk: Any) -> None:
        """A chunk of a stream has come."""
        try:
            self._last = self._timer()
            if self.answer.take_chunk(chunk) and not self._wrote:
                self._wrote = True
                self._first_token()
        except Exception as error:
            self.fault("a chunk was read", error)

    def finished(self) -> None:
        """The answer has been read to its end."""
        self._end(None, {})

    def stream_ended(self) -> None:
        """No more chunks come. A stream that ends without an end of its own is cut, though the client saw no error."""
        cut = {"finish_reason": ABANDONED, "status": "error", "error_type": "invalid_response"}
        self._end(None, {} if self.answer.ended else {**cut, "error_message": "the stream was cut"}, at_last=True)

    def abandoned(self) -> None:
        """The caller has stopped. An answer that had come to its end is a success all the same."""
        stopped = {"finish_reason": ABANDONED, "status": "cancelled"}
        self._end(None, {} if self.answer.ended else stopped, at_last=True)

    def failed(self, error: BaseException, streaming: bool = False) -> None:
        """An exception left the client, which reaches the caller."""
        try:
            response = part(error, "response")
            if response is not None and self._status is None:
                self.received(response)
            elif (retries := retries_before(error)) is not None:
                self._set({"retry_count": retries})
            found = failure_of_call(error, self._status)
        except Exception as fault:
            self.fault("its failure was read", fault)
            found = {}
        if streaming and not self.answer.ended:
            found["finish_reason"] = ABANDONED
        self._end(error, found)

    def fault(self, doing: str, error: Exception) -> None:
        """Something failed while the call was measured: the call says so in a tag."""
        self._marks.append(self._faults.note(doing, error))

    def __del__(self) -> None:
        if self._open:  # apart, so that this is not taken for the last call of whoever runs now
            contextvars.copy_context().run(self.abandoned)

    def _first_token(self) -> None:
        if self._open:
            self._open[0].first_token()

    def _set(self, fields: dict[str, Any]) -> None:
        if self._open:
            self._open[0].set(**{name: value for name, value in fields.items() if name not in self._given})

    def _end(self, error: BaseException | None, fields: dict[str, Any], at_last: bool = False) -> None:
        try:
            call = self._open.pop()
        except IndexError:  # it has ended before
            return
        if os.getpid() != self._process:  # a fork made a copy: the process that made the call emits it
            return
        try:
            call.set(**self._known(fields, at_last))
        except Exception as fault:
            self._faults.note("its fields were gathered", fault)
        try:
            call.end(error)
        except Exception as fault:
            self._faults.note("it was emitted", fault)

    def _known(self, fields: dict[str, Any], at_last: bool) -> dict[str, Any]:
        known = {**self.answer.fields, **fields}
        if at_last:  # what happens after the last chunk is not the provider's time
            known["latency_ms"] = max(0.0, (self._last - self._began) * 1e3)
        found = {name: value for name, value in known.items() if name not in self._given}
        if self.answer.said is not None:
            found["response"] = self.answer.said.snapshot()
        if self._marks:
            marks = "; ".join(dict.fromkeys(self._marks))
            found["tags"] = {**(self._given.get("tags") or {}), MENDED: f"client: {marks}"}
        return found
