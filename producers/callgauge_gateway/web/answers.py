"""What a request is answered."""

from __future__ import annotations

from typing import Any

import msgspec
from opentelemetry.proto.trace.v1.trace_pb2 import Status
from starlette.responses import Response

from callgauge.printable import printable
from callgauge_gateway.batch import Batch, Refusal

__all__ = ["JSON", "MOST_TOLD", "PROTOBUF", "failed", "outcome", "why_refused"]

JSON, PROTOBUF = "application/json", "application/x-protobuf"
#: Refusals of a request that are told one by one.
MOST_TOLD = 100


def outcome(batch: Batch, refusals: list[Refusal]) -> Response:
    """How many events were taken, and which were not: by their places in the request, and why.

    200, or 400 if none was taken and some were refused.
    """
    told: dict[str, Any] = {"accepted": batch.taken - _refused_by_bus(batch, refusals)}
    if refusals:
        told["refused"] = len(refusals)
        told["errors"] = [_told(refusal) for refusal in refusals[:MOST_TOLD]]
    if batch.passed_over:
        told["passed_over"] = batch.passed_over
    if batch.ignored:
        told["ignored_fields"] = sorted(printable(name[:64]) for name in list(batch.ignored)[:20])
    nothing = not told["accepted"] and not batch.passed_over and bool(refusals)
    return Response(msgspec.json.encode(told), 400 if nothing else 200, media_type=JSON)


def _refused_by_bus(batch: Batch, refusals: list[Refusal]) -> int:
    return len(refusals) - len(batch.refusals)


def _told(refusal: Refusal) -> dict[str, Any]:
    told: dict[str, Any] = {"index": refusal.place, "reason": printable(refusal.reason)}
    return {**told, "field": refusal.field} if refusal.field else told


def why_refused(refusals: list[Refusal]) -> str:
    """In a line: the reasons, the most frequent first."""
    counts: dict[str, int] = {}
    for refusal in refusals:
        reason = printable(str(refusal))
        counts[reason] = counts.get(reason, 0) + 1
    reasons = sorted(counts.items(), key=lambda item: -item[1])[:5]
    return "; ".join(f"{count} × {reason}" for reason, count in reasons)


def failed(status: int, why: str, *, retry_after_s: float | None = None, protobuf: bool = False) -> Response:
    """An error, as JSON or, as OTLP has it, as a google.rpc.Status in protobuf.

    Args:
        retry_after_s: when the request may be sent again.
    """
    headers = {} if retry_after_s is None else {"Retry-After": str(max(1, round(retry_after_s)))}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if protobuf:
        # OpenTelemetry's Status has its message in the same field, 2, as google.rpc's.
        return Response(bytes(Status(message=why).SerializeToString()), status, headers, media_type=PROTOBUF)
    return Response(msgspec.json.encode({"error": why}), status, headers, media_type=JSON)
