"""The SDK's client: a service tells callgauge of its LLM calls, and never waits or fails because of it."""

from __future__ import annotations

import logging
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from pydantic import ValidationError

from callgauge.codec import UNREADABLE_TAG
from callgauge.counted import COUNTED_NUMBERS, LABELS, OUTCOME_FIELDS
from callgauge.delivery import ATEXIT_S, Delivery, LogOnce
from callgauge.ids import uuid7
from callgauge.schema import Call
from callgauge.settings import Settings, load_settings
from callgauge.timing import TimedCall
from callgauge.transport import KafkaTransport, Transport

__all__ = ["Gauge", "GaugeStats"]

_FIELDS = frozenset(Call.model_fields)
#: What windows are made of; the rest describes the call.
_COUNTED = frozenset({"event_id", *LABELS, *OUTCOME_FIELDS, *COUNTED_NUMBERS})


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
    """Not taken: no valid `Call`."""
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
        clock: epoch seconds, for `ts`.
        timer: seconds of a clock that never goes back, for latencies.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        transport: Transport | None = None,
        clock: Callable[[], float] = time.time,
        timer: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._settings = settings or load_settings()
        self._clock = clock
        self._timer = timer
        self._log = LogOnce(logging.getLogger("callgauge"))
        self._delivery = Delivery(
            transport or KafkaTransport(self._settings), capacity=self._settings.queue_size, log=self._log
        )
        self._defaults = {"service": self._settings.service, "environment": self._settings.environment}
        # A Gauge that is forgotten rather than closed still delivers what it took, and its thread ends.
        weakref.finalize(self, self._delivery.retire, ATEXIT_S).atexit = False

    @property
    def stats(self) -> GaugeStats:
        """The counts now."""
        counts = self._delivery.counts
        return GaugeStats(counts.taken, counts.delivered, counts.dropped, counts.invalid, counts.failed)

    def emit(self, call: Call | None = None, /, **fields: Any) -> str:
        """Send one call: a `Call`, or its fields.

        Of fields left out, event_id is made (UUIDv7), ts is now less `latency_ms`, service and environment are the
        settings', and status is error if there is an error_type. Unknown fields are ignored, with a line in the log.
        A bad field that only describes the call (an error_message too long, a tag that is a number) is cut or left
        out, and `tags['callgauge.unreadable']` says why; any other makes the call invalid.

        Returns:
            The event_id, or "" if the call was not taken.
        """
        try:
            taken = self._built(fields) if call is None else call
            if self._delivery.offer(taken):
                return taken.event_id
            self._log_dropped()
        except ValidationError as error:
            self._delivery.count(invalid=1)
            self._log_invalid(error)
        except Exception as error:  # whatever it is, it is not the host's problem
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

    def _built(self, fields: dict[str, Any]) -> Call:
        if not fields.keys() <= _FIELDS:
            for name in sorted(fields.keys() - _FIELDS):
                self._log.warn(f"unknown {name}", "a Call has no field %r: ignored", name)
        full = self._defaults | fields
        if not full.get("event_id"):
            full["event_id"] = uuid7(self._clock())
        if full.get("ts") is None:
            full["ts"] = self._clock() - float(full.get("latency_ms") or 0.0) / 1e3
        if full.get("error_type") is not None:
            full.setdefault("status", "error")
        try:
            return Call(**full)
        except ValidationError as error:
            return Call(**self._mended(full, error))

    def _mended(self, full: dict[str, Any], error: ValidationError) -> dict[str, Any]:
        """The fields without what is wrong in the description of the call; raises if anything else is."""
        kept, reasons = dict(full), []
        for fault in error.errors(include_input=False, include_url=False):
            name, most = str(fault["loc"][0]), fault.get("ctx", {}).get("max_length")
            if name in _COUNTED:
                raise error
            value = kept.pop(name, None)
            if name == "tags" and isinstance(value, dict):
                kept[name] = {key: text for key, text in value.items() if isinstance(key, str) and type(text) is str}
            elif isinstance(value, str) and most:
                kept[name] = value[:most]
            reasons.append(f"{name}: {fault['msg']}")
            self._log.warn(f"mended {name}", "a field of a call was cut or left out: %s", reasons[-1])
        kept["tags"] = {**kept.get("tags", {}), UNREADABLE_TAG: "; ".join(reasons[:3])}
        return kept

    def _log_dropped(self) -> None:
        pending = self._delivery.counts.pending
        self._log.warn("dropped", "a call was dropped: closed, or full: %d wait (CALLGAUGE_QUEUE_SIZE)", pending)

    def _log_invalid(self, error: ValidationError) -> None:
        first = error.errors(include_input=False, include_url=False)[0]
        field = ".".join(str(part) for part in first["loc"])
        hint = "; give it, or set CALLGAUGE_SERVICE" if field == "service" else ""
        self._log.warn(f"invalid {field} {first['type']}", "a call was refused: %s: %s%s", field, first["msg"], hint)
