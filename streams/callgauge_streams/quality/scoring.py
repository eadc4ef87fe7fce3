"""From a record to its scores: of a content by its text, of a call by its length and end. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from callgauge.codec import decode_call, decoder_of
from callgauge.content.choice import Choice, is_sampled
from callgauge.counted import LABELS
from callgauge.schema import Content
from callgauge_quality.heuristics import Heuristics
from callgauge_quality.without_text import scores_without_text
from callgauge_streams.quality.messages import Message, all_labels, score_messages

__all__ = ["call_scores", "content_scores", "decode_content"]

#: The messages of one record's scores; raises DecodeError where the record cannot be read.
Scores = Callable[[bytes | None, int], Iterable[Message]]

decode_content = decoder_of(Content)
_NAMED = tuple(label for label in LABELS if label != "service")


def content_scores(heuristics: Heuristics) -> Scores:
    """What the heuristics say of the contents' texts. Time is the record's: when it was appended."""

    def scores(value: bytes | None, appended_ms: int) -> Iterable[Message]:
        content = decode_content(value)
        found = heuristics.found(
            content.prompt, content.response, content.service, truncated=content.response_truncated
        )
        return score_messages(
            content,
            found.scores,
            ts=appended_ms / 1000,
            origin="heuristic",
            labels=all_labels(content.labels),
            sample_rate=content.sample_rate,
            comment=found.left_out,
        )

    return scores


class _Ended(msgspec.Struct, gc=False):
    """The fields of a call that are looked at; the others are passed over."""

    event_id: str
    ts: float
    service: str
    trace_id: str = ""
    latency_ms: float | None = None
    finish_reason: str = ""
    response_chars: int | None = None
    operation: str = "chat"


_decode_ended = msgspec.json.Decoder(_Ended).decode
_decode_labels = msgspec.json.Decoder(
    msgspec.defstruct("_Labels", [(name, str, "") for name in _NAMED], gc=False, module=__name__)
).decode


def _labels_of(value: bytes) -> Any:
    try:
        return _decode_labels(value)
    except msgspec.DecodeError:
        return decode_call(value)


def _read(value: bytes | None) -> tuple[Any, Callable[[], Any]]:
    """A call, and what gives its labels when they are needed."""
    try:
        call, labels = _decode_ended(value or b""), value or b""
        return call, lambda: _labels_of(labels)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        call = decode_call(value)  # takes ten times as long, and mends
        return call, lambda: call


def call_scores(choice: Choice) -> Scores:
    """What can be said of calls without their text, of a share of the traces. Time is the end of the call.

    Calls with odd fields are read as rollup reads them.
    """

    def scores(value: bytes | None, appended_ms: int) -> Iterable[Message]:
        call, labels_of = _read(value)
        share = choice.share(call.service)
        if not is_sampled(call.trace_id or call.event_id, share):
            return ()
        found = scores_without_text(call.finish_reason, call.response_chars)
        if not found:
            return ()
        named = labels_of()
        labels = {name: getattr(named, name) for name in _NAMED}
        ts = min(call.ts + (call.latency_ms or 0.0) / 1000, appended_ms / 1000)
        return score_messages(call, found, ts=ts, origin="heuristic", labels=labels, sample_rate=share)

    return scores
