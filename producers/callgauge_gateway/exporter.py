"""An exporter of the OpenTelemetry SDK that sends spans to the bus itself, for services that want no gateway between.

    from opentelemetry.sdk.trace.export import BatchSpanProcessor
    from callgauge_gateway.exporter import CallgaugeSpanExporter

    provider.add_span_processor(BatchSpanProcessor(CallgaugeSpanExporter()))

What becomes of a span is the same as on its way through the gateway (docs/gateway.md).
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Sequence

from confluent_kafka import KafkaException, Producer
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from callgauge.errors import BrokerError
from callgauge.forks import no_fork
from callgauge.log_once import LibrdkafkaLog, LogOnce
from callgauge.prices.found import load_prices
from callgauge.redaction.configured import gauge_redactor
from callgauge.redaction.redactor import Hook
from callgauge.settings import Settings, load_settings
from callgauge.transport import leak
from callgauge_gateway.batch import Batch
from callgauge_gateway.dialects.nesting import Nesting
from callgauge_gateway.dialects.traces import events_of_spans
from callgauge_gateway.guard.new_series import NewSeries
from callgauge_gateway.guard.scope import Scope
from callgauge_gateway.intake import Intake
from callgauge_gateway.otlp.sdk_spans import spans_of
from callgauge_gateway.sending import Sending, bus_config

__all__ = ["CallgaugeSpanExporter"]


class CallgaugeSpanExporter(SpanExporter):
    """Sends the calls and scores that spans become. It waits for the broker, so use it behind a BatchSpanProcessor.

    Spans that tell nothing of an LLM application are passed over. Safe to share between threads and across a fork.

    Args:
        settings: from the environment if None (raises SettingError): the bus, and `service` for spans whose resource
            names none.
        redact: given each text of a span, redacted already, and returns what may be sent; as a Gauge's.
    """

    def __init__(self, settings: Settings | None = None, *, redact: Hook | None = None) -> None:
        self._settings = settings or load_settings()
        prices, redactor = load_prices(self._settings.prices_file), gauge_redactor(self._settings, redact)
        self._intake = Intake(self._settings.topics, prices, NewSeries(0), redactor)
        self._scope = Scope(default=self._settings.service)
        self._nesting = Nesting()
        self._log = LogOnce(logging.getLogger("callgauge"))
        self._lock = threading.Lock()
        self._producer: Producer | None = None
        os.register_at_fork(after_in_child=self._abandon)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send and wait; never raises. FAILURE: the broker did not confirm all within `gateway_ack_s` seconds."""
        try:
            with self._lock:
                return self._export(spans)
        except Exception as error:  # tracing must not hurt its host
            self._log.warn(f"export {type(error).__name__}", "spans were not sent: %s", error)
            return SpanExportResult.FAILURE

    def _export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        batch = Batch()
        events = events_of_spans(spans_of(spans), self._nesting).events
        self._intake.add(batch, enumerate(events), self._scope, "exporter")
        for refusal in batch.refusals:
            self._log.warn(f"refused {refusal}", "a span was refused: %s", refusal)
        producer = self._opened()
        sending = Sending(batch.records)
        sending.produce(producer)
        self._wait(producer, sending, self._settings.gateway_ack_s + 1.0)
        for reason in sending.faults().values():
            self._log.warn(f"refused {reason}", "a span was refused: %s", reason)
        return SpanExportResult.SUCCESS

    def _wait(self, producer: Producer, sending: Sending, timeout_s: float) -> None:
        until = time.monotonic() + timeout_s
        while sending.left > 0:
            producer.poll(0.02)
            if time.monotonic() > until:
                raise BrokerError(f"the broker did not confirm {sending.left} events within {timeout_s:g} s")

    def _opened(self) -> Producer:
        if self._producer is None:
            try:
                with no_fork():
                    config = bus_config(self._settings) | {"client.id": "callgauge-exporter"}
                    self._producer = Producer(config, logger=LibrdkafkaLog())
            except KafkaException as error:
                raise BrokerError(f"librdkafka refuses the bus settings: {error.args[0]}") from error
        return self._producer

    def _abandon(self) -> None:
        """In a forked child: a connection of its own, when it is needed."""
        if self._producer is not None:
            leak(self._producer)
        self._producer = None
        self._lock = threading.Lock()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Nothing waits here: `export` has sent what it was given."""
        return True

    def shutdown(self) -> None:
        """Let go of the connection."""
        with self._lock:
            producer, self._producer = self._producer, None
        if producer is not None:
            producer.flush(1.0)
            with no_fork():
                del producer
