"""The critical path of a trace: what would have to be faster for the whole to be faster. Pure.

From the end of a span backwards: the child that ended last before this moment was waited for, so the path goes through
it, and goes on before its start; what no child covers is the span's own time.

    request   |=================================|
    retrieve     |-----|
    model a               |--------|                path: request, retrieve, request, model b, request
    model b               |------------|

As in Jaeger's critical path, and Zhang et al., "CRISP: Critical Path Analysis of Large-Scale Microservice
Architectures", USENIX ATC 2022.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

__all__ = ["Piece", "Span", "critical_path"]


class Span(NamedTuple):
    """When a step of a trace ran; epoch ms."""

    start_ms: float
    end_ms: float


class Piece(NamedTuple):
    """A part of the path that is a span's own time."""

    key: str
    start_ms: float
    end_ms: float


def critical_path(root: str, spans: Mapping[str, Span], children: Mapping[str, Sequence[str]]) -> list[Piece]:
    """The pieces in order of time; together they last as long as the root.

    Args:
        spans: key -> when it ran.
        children: key -> keys of the spans right below it. It must be a tree.
    """
    pieces: list[Piece] = []
    start_ms, end_ms = spans[root]
    # (key, from, until) of what is still to be walked, the latest on top.
    stack = [(root, start_ms, end_ms)]
    while stack:
        key, begin_ms, until_ms = stack.pop()
        child = _awaited(children.get(key, ()), spans, begin_ms, until_ms)
        if child is None:
            pieces.append(Piece(key, begin_ms, until_ms))
            continue
        child_start, child_end = max(spans[child].start_ms, begin_ms), min(spans[child].end_ms, until_ms)
        if child_start > begin_ms:
            stack.append((key, begin_ms, child_start))
        stack.append((child, child_start, child_end))
        if child_end < until_ms:
            pieces.append(Piece(key, child_end, until_ms))
    return pieces[::-1]


def _awaited(keys: Sequence[str], spans: Mapping[str, Span], begin_ms: float, until_ms: float) -> str | None:
    """The span of these that ended last between the two moments; one that began after them was not waited for."""
    inside = [key for key in keys if spans[key].start_ms < until_ms and spans[key].end_ms > begin_ms]
    return max(inside, key=lambda key: (min(spans[key].end_ms, until_ms), -spans[key].start_ms, key), default=None)
