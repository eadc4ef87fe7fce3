"""Scores as messages: what is said of a call by a heuristic or a judge, under an id that is the same after a replay."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from callgauge.counted import LABELS
from callgauge.ids import uuid5_of
from callgauge.schema import Score
from callgauge.structs import struct_of

__all__ = ["Message", "all_labels", "key_of", "score_id_of", "score_messages"]

#: Key and value.
Message = tuple[bytes, bytes]
_struct: Any = struct_of(Score)
_encode = msgspec.json.Encoder().encode
_NAMED = tuple(label for label in LABELS if label != "service")


def score_id_of(origin: str, event_id: str, name: str) -> str:
    """The id of one origin's score of this name for a call: whoever makes it again makes the same."""
    return uuid5_of(origin, event_id, name)


def key_of(trace_id: str, score_id: str) -> bytes:
    """What a score's partition is chosen by."""
    return (trace_id or score_id).encode("utf-8", "replace")


def all_labels(labels: Mapping[str, str]) -> dict[str, str]:
    """The labels of a call with those that it does not have as empty, as its windows have them: so its scores count in
    the same series."""
    return {name: labels.get(name, "") for name in _NAMED}


def score_messages(
    of: Any,
    scores: Mapping[str, float],
    *,
    ts: float,
    origin: str,
    labels: Mapping[str, str],
    sample_rate: float,
    comment: str = "",
    by: str = "",
) -> Iterable[Message]:
    """The messages of a call's scores, in order.

    Args:
        of: event_id, trace_id and service are taken from it.
        ts: when it was judged, epoch seconds; from the log, so that a replay gives the same.
        sample_rate: each stands for 1 / sample_rate calls.
        by: who of an origin judged, where several may: a rubric's version.
    """
    for name, value in scores.items():
        score = _struct(
            score_id=score_id_of(f"{origin}:{by}" if by else origin, of.event_id, name),
            ts=ts,
            name=name,
            value=value,
            origin=origin,
            event_id=of.event_id,
            trace_id=of.trace_id,
            service=of.service,
            labels=dict(labels),
            comment=comment,
            sample_rate=sample_rate,
        )
        yield key_of(of.trace_id, score.score_id), _encode(score)
