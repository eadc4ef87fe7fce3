"""The window rows of calls that are all there at once, such as a recorded trace, by rollup's own core.

calls, by their ends    a b c | d e f | g h       blocks of so many
rows                    one of each window in each block, given when no later block can add to the window
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from callgauge.codec import encode
from callgauge.schema import Call
from callgauge.units import event_ms
from callgauge_streams.bus.chunk import Chunk
from callgauge_streams.bus.records import Records
from callgauge_streams.rollup.config import RollupConfig
from callgauge_streams.rollup.source.state_machine import SourceRollup

__all__ = ["rows_of_calls"]

_BLOCK = 20_000


def rows_of_calls(calls: Iterable[Call], config: RollupConfig, source: str = "trace") -> Iterator[Any]:
    """`WindowRow` structs in order of their windows' ends: as of calls that came when they ended, each id once.

    Args:
        calls: in any order.
        source: what the rows name as theirs.
    """
    ended = sorted(calls, key=lambda call: (_end_ms(call), call.event_id))
    rollup, last = SourceRollup(config, source, 0), None
    held: list[Any] = []
    for begin in range(0, len(ended), _BLOCK):
        block = ended[begin : begin + _BLOCK]
        chunk = Chunk(0, 1, 1, 0, last, rollup.next_offset, _records(block, rollup.next_offset))
        last = chunk.last
        rollup.take(chunk)
        held += (row for batch in rollup.idle_records() if batch.kind == "rows" for row in batch.rows())
        held.sort(key=_window_end_ms)
        come_to_ms = _end_ms(block[-1])
        done = sum(_window_end_ms(row) <= come_to_ms for row in held)
        yield from held[:done]
        del held[:done]
    yield from held


def _records(calls: Sequence[Call], first: int) -> Records:
    offsets = range(first, first + len(calls))
    return Records.of(offsets, [_end_ms(call) for call in calls], [encode(call) for call in calls])


def _end_ms(call: Call) -> int:
    return event_ms(call.ts, call.latency_ms)


def _window_end_ms(row: Any) -> int:
    return int(row.window_start_ms + row.window_ms)
