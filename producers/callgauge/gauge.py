"""The SDK's client: a service tells callgauge of its LLM calls, and never waits or fails because of it."""

from __future__ import annotations

import logging
import time
import weakref
from collections.abc import Callable, Mapping
from functools import partial
from types import TracebackType
from typing import Any

from callgauge.content.choice import parse_choice
from callgauge.content.contents import Contents
from callgauge.delivery import ATEXIT_S
from callgauge.delivery_made import delivery_of
from callgauge.errors import DecodeError
from callgauge.failures import failure_of, is_exception
from callgauge.field_reading import id_reader, text_reader
from callgauge.gauge_stats import GaugeStats, stats_of
from callgauge.ids import uuid7
from callgauge.judging import Judging
from callgauge.log_once import LogOnce
from callgauge.outgoing import Given, Outgoing
from callgauge.prices.call_prices import CallPrices
from callgauge.prices.found import load_prices
from callgauge.redaction.configured import gauge_redactor
from callgauge.redaction.fields import redacted_fields
from callgauge.redaction.redactor import Hook
from callgauge.schema import Call
from callgauge.settings import Settings, load_settings
from callgauge.spans import Measuring
from callgauge.timing import TimedCall, current
from callgauge.trace_context import placed
from callgauge.tracing import Tracing
from callgauge.transport import Outbound, Transport

__all__ = ["Gauge"]

_FIELDS = frozenset(Call.model_fields)
_LONGEST_ID = 64
_id_of, _text_of = id_reader(_LONGEST_ID), text_reader(None)


class Gauge(Judging, Tracing):
    """Emits calls to the bus.

        gauge = Gauge()
        gauge.emit(model="gpt-4o", latency_ms=812.0, input_tokens=420, output_tokens=96)
        with gauge.call(model="gpt-4o") as call:
            answer = ask(...)
            call.set(output_tokens=answer.usage.output_tokens)

    `emit` never waits and never raises; what it could not take is counted in `stats` and logged once per kind. Safe to
    share between threads, and across a fork: the child begins with nothing queued and a connection of its own. What is
    queued when the process ends is delivered for up to 5 s more; a child that ends by `os._exit`, as multiprocessing's
    do, must `flush` or `close` itself. It connects when it is made, and tells every few seconds that the process is
    alive. docs/sdk.md shows all of it on a page.

    Args:
        settings: from the environment if None (raises SettingError).
        transport: where messages go; Kafka if None.
        redact: given each text that a call holds, redacted already, and returns what may be sent (docs/privacy.md). It
            runs on the delivery thread.
        clock: epoch seconds, for `ts`.
        timer: seconds of a clock that never goes back, for latencies.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        transport: Transport | None = None,
        redact: Hook | None = None,
        clock: Callable[[], float] = time.time,
        timer: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._settings = settings or load_settings()
        self._clock = clock
        self._timer = timer
        self._redactor = gauge_redactor(self._settings, redact)
        self._redact = partial(redacted_fields, self._redactor) if self._redactor else dict
        self._clean = self._redactor.text if self._redactor else str
        self._log = LogOnce(logging.getLogger("callgauge"), clean=self._clean)
        self._service = self._settings.service
        self._defaults = defaults = {"service": self._service, "environment": self._settings.environment}
        log = self._log
        self._prices = CallPrices(load_prices(self._settings.prices_file), logging.getLogger("callgauge"))

        def on_mended(mark: str) -> None:
            log.warn(f"mended {mark}", "a field of a call was mended: %s", mark)

        outgoing = Outgoing(defaults, on_mended, self._prices.cost, self._redact)
        self._delivery = delivery_of(self._settings, outgoing, transport, log)
        self._contents = Contents(
            parse_choice(self._settings.content),
            self._settings.content_max_chars,
            self._redactor,
            self._redact,
            self._delivery.offer,
        )
        # A Gauge that is forgotten rather than closed still delivers what it took, and its thread ends.
        weakref.finalize(self, self._delivery.retire, ATEXIT_S).atexit = False

    @property
    def stats(self) -> GaugeStats:
        """The counts now."""
        return stats_of(self._delivery, self._contents.dropped)

    @property
    def unpriced(self) -> dict[str, int]:
        """Model -> how many of its calls were sent without a cost, since neither host nor prices tell it."""
        return self._prices.unpriced

    def emit(self, call: Call | Mapping[str, Any] | None = None, /, **fields: Any) -> str:
        """Send one call: a `Call`, or its fields, as keywords or in a mapping.

        Of fields left out, and of those that are None, event_id is made (UUIDv7), ts is now less `latency_ms`, service
        and environment are the settings', and status is error if there is an error_type; cost_usd comes from the tokens
        where the model has a price (docs/prices.md). `error_type` may be an exception, or the name of its class.
        `prompt` and `response` are sent apart from the call, and only where CALLGAUGE_CONTENT asks for them.
        Unknown fields are ignored, with a line in the log. No call is lost for an odd field: what can be understood is
        taken, what cannot is left out, and the tag `callgauge.mended` says so.

        Returns:
            The event_id, or "" if the call was not taken.
        """
        try:
            given: Call | Mapping[str, Any] = (
                fields if call is None else call if isinstance(call, Call) else {**call, **fields}
            )
            if (inside := current()) is not None and inside.scope is not None:
                given = _placed(given, inside)
        except Exception as error:  # whatever it is, it is not the host's problem
            self._refuse(error)
            return ""
        return self._emit(given)

    def call(self, **fields: Any) -> TimedCall:
        """Measures a call and emits it, `fields` and what is set meanwhile, at the end: a context manager, and a
        decorator of functions, coroutines and generators."""
        return TimedCall(self._emit_measured, fields, self._clock, self._timer, self._defaults)

    def content(self, event_id: str, *, prompt: Any = None, response: Any = None, **labels: Any) -> bool:
        """Send prompt and answer of a call that is emitted elsewhere. What is sent, and whether, is as in
        `TimedCall.set_content`.

        Args:
            event_id: the call's.
            labels: of the call: `trace_id`, by which it is sampled, `ts`, service, model, ...

        Returns:
            Whether it was taken. False also where the setting does not ask for it.
        """
        given = {"prompt": prompt, "response": response}
        return self._send_content({**labels, "event_id": event_id}, self._clock(), given)

    def flush(self, timeout_s: float = 10.0) -> int:
        """Wait until all is delivered, what is on disk too, at most `timeout_s` seconds. Returns how much is not."""
        return self._delivery.flush(timeout_s)

    def close(self, timeout_s: float = 10.0) -> int:
        """Take no more calls, deliver for at most `timeout_s` seconds, and keep the rest on disk where there is a
        folder for that. Returns how many are lost."""
        left = self._delivery.close(timeout_s)
        if left:
            self._log.warn("closed", "closed with %d calls undelivered", left)
        return left

    def __enter__(self) -> Gauge:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _emit_measured(self, **fields: Any) -> str:
        """Send a call that knows its place in a trace."""
        return self._emit(fields)

    def _emit(self, given: Call | Mapping[str, Any]) -> str:
        content: dict[str, Any] = {}
        try:
            if isinstance(given, Call):
                taken: Given = given
            else:
                fields: dict[str, Any] = given  # type: ignore[assignment]  # ours to change
                content = self._contents.pop(fields)
                taken = self._taken(fields)
        except Exception as error:
            self._refuse(error)
            return ""
        own_id: str = taken[0]["event_id"] if type(taken) is tuple else taken.event_id  # type: ignore[union-attr]
        sent = self._offer(taken, own_id)
        if sent and content and type(taken) is tuple:
            self._send_content(*taken, content)
        return sent

    def _send_content(self, fields: Mapping[str, Any], now_s: float, content: Mapping[str, Any]) -> bool:
        try:
            known = {**self._defaults, **{name: value for name, value in fields.items() if value is not None}}
            return self._contents.send({"ts": now_s, **known, "service": known["service"] or self._service}, content)
        except Exception as error:  # the call has been taken, and that is what counts
            self._log.warn(f"content {type(error).__name__}", "a content was not taken: %s", type(error).__name__)
            return False

    def _offer(self, taken: Given | Outbound, own_id: str) -> str:
        try:
            if self._delivery.offer(taken):
                return own_id
            self._log_dropped()
        except Exception as error:
            self._delivery.count(dropped=1)
            self._log.warn(f"emit {type(error).__name__}", "a call was not taken: %s: %s", type(error).__name__, error)
        return ""

    def _judge(self, message: Callable[[], tuple[str, Outbound]]) -> str:
        try:
            own_id, outbound = message()
        except Exception as error:
            self._refuse(error, "judgement")
            return ""
        return self._offer(outbound, own_id)

    def _for_spans(self) -> Measuring:
        return Measuring(self._emit_measured, self._clock, self._timer, self._defaults, self._log)

    def _taken(self, fields: dict[str, Any]) -> Given:
        """The fields, with an id, and what may change meanwhile copied; the rest waits for the delivery thread. Raises
        DecodeError if they cannot be counted."""
        if not fields.keys() <= _FIELDS:
            for name in fields.keys() - _FIELDS:
                shown = self._clean(str(name))  # before it is cut
                self._log.warn(f"unknown {name}", "a Call has no field %.64r: ignored", shown)
            fields = {name: value for name, value in fields.items() if name in _FIELDS}
        now_s, event_id, service = self._clock(), fields.get("event_id"), fields.get("service")
        # Types are asked for, not truth: some things, as NumPy's arrays, have none and raise.
        if event_id is None:
            fields["event_id"] = uuid7(now_s)
        elif type(event_id) is not str or not 0 < len(event_id) <= _LONGEST_ID:
            text = _text_of(event_id)[0] or ""  # redacted before it is cut
            fields["event_id"] = _id_of(self._redactor.id(text) if self._redactor else text)[0] or uuid7(now_s)
        if service is not None and type(service) is not str:
            service = fields["service"] = _text_of(service)[0]
        if not (service or self._service):
            raise DecodeError("service", "missing")
        if "tags" in fields and isinstance(fields["tags"], Mapping):
            fields["tags"] = dict(fields["tags"])
        if "error_type" in fields and is_exception(fields["error_type"]):  # it would keep the host's frames alive
            failure = failure_of(fields.pop("error_type"))
            fields = {**failure, **{name: value for name, value in fields.items() if value is not None}}
        return fields, now_s

    def _log_dropped(self) -> None:
        pending = self._delivery.counts.pending
        self._log.warn("dropped", "a call was dropped: closed, or full: %d wait (CALLGAUGE_QUEUE_SIZE)", pending)

    def _refuse(self, error: Exception, what: str = "call") -> None:
        self._delivery.count(invalid=1)
        if isinstance(error, DecodeError):
            hint = "; give it, or set CALLGAUGE_SERVICE" if error.field == "service" else ""
            self._log.warn(f"invalid {what} {error}", "a %s was refused: %s%s", what, error, hint)
        else:
            name = type(error).__name__
            why = "it is neither a Call nor fields of one" if what == "call" else "it cannot be read"
            self._log.warn(f"invalid {what} {name}", "a %s was refused: %s (%s)", what, why, name)


def _placed(given: Call | Mapping[str, Any], inside: TimedCall) -> Call | Mapping[str, Any]:
    """A call, as it is inside a span. A ready `Call` gets the span's ids and nothing else."""
    if not isinstance(given, Call):
        return inside.place(given)
    if given.trace_id or inside.scope is None:
        return given
    ids = {"span_id": given.span_id or None, "parent_span_id": given.parent_span_id or None}
    return given.model_copy(update=dict(placed(ids, inside.scope)))
