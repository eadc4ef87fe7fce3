"""Prints what an instrumentation of OpenAI's client exports: `python -m tests.gateway.capture gen_ai` (or another of
`otel_client.INSTRUMENTATIONS`) prints OTLP in JSON, a line for each request of the scenario.

So the payloads in tests/golden/gateway were made. Run in an older environment it prints what older versions export.
"""

from __future__ import annotations

import base64
import importlib
import json
import sys
from typing import Any

from google.protobuf.json_format import MessageToDict
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.gateway.clients import Step, ask_all
from tests.gateway.otel_client import INSTRUMENTATIONS
from tests.llm_stub import stub_server

__all__ = ["plain_export"]

_IDS = ("traceId", "spanId", "parentSpanId")


def plain_export(value: Any, key: str = "") -> Any:
    """An export as OTLP's JSON has it: ids in hex, and of a stack trace only that there was one."""
    if isinstance(value, dict):
        if value.get("key") == "exception.stacktrace":
            return {"key": value["key"], "value": {"stringValue": "Traceback (most recent call last): ..."}}
        return {name: plain_export(each, name) for name, each in value.items()}
    if isinstance(value, list):
        return [plain_export(each, key) for each in value]
    return base64.b64decode(value).hex() if key in _IDS else value


def main(name: str) -> None:
    """Ask, and print."""
    memory = InMemorySpanExporter()
    resource = {"service.name": "chat", "deployment.environment.name": "production", "service.version": "1.2.3"}
    provider = TracerProvider(resource=Resource(resource))
    provider.add_span_processor(SimpleSpanProcessor(memory))
    importlib.import_module(INSTRUMENTATIONS[name]).OpenAIInstrumentor().instrument(tracer_provider=provider)
    with stub_server() as stub:

        def show(step: Step) -> None:
            export = MessageToDict(encode_spans(memory.get_finished_spans()), use_integers_for_enums=True)
            print(json.dumps({"step": step.name, "payload": plain_export(export)}).replace(stub.url, "http://stub"))
            memory.clear()

        ask_all(stub, show)


if __name__ == "__main__":
    main(sys.argv[1])
