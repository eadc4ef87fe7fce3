"""What an export is answered: how many of its spans or records were refused, and why."""

from __future__ import annotations

import msgspec
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

__all__ = ["logs_answer", "traces_answer"]


def traces_answer(refused: int, why: str, *, as_json: bool) -> bytes:
    """An ExportTraceServiceResponse; with nothing refused it is empty, as the protocol has it."""
    if as_json:
        return _as_json("rejectedSpans", refused, why)
    answer = ExportTraceServiceResponse()
    if refused:
        answer.partial_success.rejected_spans = refused
        answer.partial_success.error_message = why
    return bytes(answer.SerializeToString())


def logs_answer(refused: int, why: str, *, as_json: bool) -> bytes:
    """An ExportLogsServiceResponse."""
    if as_json:
        return _as_json("rejectedLogRecords", refused, why)
    answer = ExportLogsServiceResponse()
    if refused:
        answer.partial_success.rejected_log_records = refused
        answer.partial_success.error_message = why
    return bytes(answer.SerializeToString())


def _as_json(name: str, refused: int, why: str) -> bytes:
    # 64-bit numbers are text in JSON.
    return msgspec.json.encode({"partialSuccess": {name: str(refused), "errorMessage": why}} if refused else {})
