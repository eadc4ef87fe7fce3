"""The SDK's client: a service tells callgauge of its LLM calls, and never waits or fails because of it."""

from __future__ import annotations

import logging
import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any

from callgauge.delivery import ATEXIT_S, Delivery, LogOnce
from callgauge.errors import DecodeError
from callgauge.failures import failure_of, is_exception
from callgauge.field_reading import id_reader, text_reader
from callgauge.ids import uuid7
from callgauge.outgoing import Given, Outgoing
from callgauge.prices.call_prices import CallPrices
from callgauge.prices.found import load_prices
from callgauge.redaction.configured import gauge_redactor
from callgauge.redaction.fields import redacted_fields
from callgauge.redaction.redactor import Hook
from callgauge.schema import Call
from callgauge.settings import Settings, load_settings
from callgauge.timing import TimedCall
from callgauge.transport import KafkaTransport, Transport

__all__ = ["Gauge", "GaugeStats"]

_FIELDS = frozenset(Call.model_fields)
_LONGEST_ID = 64
_id_of, _text_of = id_reader(_LONGEST_ID), text_reader(None)


@dataclass(frozen=True)
class GaugeStats:
    """What became of the calls, since the start of the process or since it was forked."""

    emitted: int
    """Taken; = delivered + failed + those still under way."""
    delivered: int
    """The broker has them."""
    dropped: int
    """Not taken: the queue was full, or the Gauge closed."""
    invalid: int
    """Not taken: it cannot be counted, since it has no service."""
    failed: int
    """Taken, but the broker never got them."""


class Gauge:
    """Emits calls to the bus.

        gauge = Gauge()
        gauge.emit(model="gpt-4o", latency_ms=812.0, input_tokens=420, output_tokens=96)
        with gauge.call(model="gpt-4o") as call:
            answer = ask(...)
            call.set(output_tokens=answer.usage.output_tokens)

    `emit` never waits and never raises; what it could not take is counted in `stats` and logged once per kind. Safe to
    share between threads, and across a fork: the child begins with nothing queued and a connection of its own. What is
    queued when the process ends is delivered for up to 5 s more; a child that ends by `os._exit`, as multiprocessing's
    do, must `flush` or `close` itself.

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
        self._log = LogOnce(logging.getLogger("callgauge"), clean=self._redactor.text if self._redactor else str)
        self._service = self._settings.service
        defaults = {"service": self._service, "environment": self._settings.environment}
        log = self._log
        self._prices = CallPrices(load_prices(self._settings.prices_file), logging.getLogger("callgauge"))

        def on_mended(mark: str) -> None:
            log.warn(f"mended {mark}", "a field of a call was mended: %s", mark)

        outgoing = Outgoing(
            defaults,
            on_mended,
            self._prices.cost,
            partial(redacted_fields, self._redactor) if self._redactor else dict,
        )
        transport = transport or KafkaTransport(self._settings)
        self._delivery = Delivery(transport, outgoing, self._settings.queue_size, log)
        # A Gauge that is forgotten rather than closed still delivers what it took, and its thread ends.
        weakref.finalize(self, self._delivery.retire, ATEXIT_S).atexit = False

    @property
    def stats(self) -> GaugeStats:
        """The counts now."""
        counts = self._delivery.counts
        return GaugeStats(counts.taken, counts.delivered, counts.dropped, counts.invalid, counts.failed)

    @property
    def unpriced(self) -> dict[str, int]:
        """Model -> how many of its calls were sent without a cost, since neither host nor prices tell it."""
        return self._prices.unpriced

    def emit(self, call: Call | Mapping[str, Any] | None = None, /, **fields: Any) -> str:
        """Send one call: a `Call`, or its fields, as keywords or in a mapping.

        Of fields left out, and of those that are None, event_id is made (UUIDv7), ts is now less `latency_ms`, service
        and environment are the settings', and status is error if there is an error_type; cost_usd comes from the tokens
        where the model has a price (docs/prices.md). `error_type` may be an exception, or the name of its class.
        Unknown fields are ignored, with a line in the log. No call is lost for an odd field: what can be understood is
        taken, what cannot is left out, and the tag `callgauge.mended` says so.

        Returns:
            The event_id, or "" if the call was not taken.
        """
        try:
            if call is None:
                taken = self._taken(fields)
            elif isinstance(call, Call):
                taken = call
            else:
                taken = self._taken({**call, **fields})
        except Exception as error:  # whatever it is, it is not the host's problem
            self._delivery.count(invalid=1)
            self._log_invalid(error)
            return ""
        try:
            if self._delivery.offer(taken):
                return taken[0]["event_id"] if type(taken) is tuple else taken.event_id  # type: ignore[union-attr]
            self._log_dropped()
        except Exception as error:
            self._delivery.count(dropped=1)
            self._log.warn(f"emit {type(error).__name__}", "a call was not taken: %s: %s", type(error).__name__, error)
        return ""

    def call(self, **fields: Any) -> TimedCall:
        """A context manager that measures a call and emits it, `fields` and what is set meanwhile, at the end."""
        return TimedCall(self.emit, fields, self._clock, self._timer)

    def flush(self, timeout_s: float = 10.0) -> int:
        """Wait until all is delivered, at most `timeout_s` seconds. Returns how many calls are still under way."""
        return self._delivery.flush(timeout_s)

    def close(self, timeout_s: float = 10.0) -> int:
        """Take no more calls, deliver for at most `timeout_s` seconds. Returns how many were not delivered."""
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

    def _taken(self, fields: dict[str, Any]) -> Given:
        """The fields, with an id, and what may change meanwhile copied; the rest waits for the delivery thread. Raises
        DecodeError if they cannot be counted."""
        if not fields.keys() <= _FIELDS:
            for name in fields.keys() - _FIELDS:
                shown = self._redactor.text(str(name)) if self._redactor else str(name)  # redacted before it is cut
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

    def _log_invalid(self, error: Exception) -> None:
        if isinstance(error, DecodeError):
            hint = "; give it, or set CALLGAUGE_SERVICE" if error.field == "service" else ""
            self._log.warn(f"invalid {error}", "a call was refused: %s%s", error, hint)
        else:
            name = type(error).__name__
            self._log.warn(f"invalid {name}", "a call was refused: it is neither a Call nor fields of one (%s)", name)
