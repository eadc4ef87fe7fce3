"""A service that somebody else instruments: `python -m tests.gateway.otel_client INSTRUMENTATION`.

It sends the requests of `tests.gateway.clients` and exports spans by OTLP over HTTP, as the environment says
(OTEL_EXPORTER_OTLP_ENDPOINT, ..._HEADERS).
"""

from __future__ import annotations

import importlib
import sys
from typing import Any

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter

from tests.gateway.clients import ask_all
from tests.llm_stub import stub_server

__all__ = ["INSTRUMENTATIONS", "export_scenario"]

#: Name -> module of its `OpenAIInstrumentor`.
INSTRUMENTATIONS = {
    "gen_ai": "opentelemetry.instrumentation.openai_v2",
    "openinference": "openinference.instrumentation.openai",
    "openllmetry": "opentelemetry.instrumentation.openai",
}


def export_scenario(name: str, exporter: SpanExporter) -> None:
    """Send all requests of the scenario."""
    provider = TracerProvider(resource=Resource({"service.name": "capitals", "deployment.environment.name": "test"}))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    instrumentor: Any = importlib.import_module(INSTRUMENTATIONS[name]).OpenAIInstrumentor()
    instrumentor.instrument(tracer_provider=provider)
    try:
        with stub_server() as stub:
            ask_all(stub)
    finally:
        instrumentor.uninstrument()
        provider.shutdown()


if __name__ == "__main__":
    export_scenario(sys.argv[1], OTLPSpanExporter())
