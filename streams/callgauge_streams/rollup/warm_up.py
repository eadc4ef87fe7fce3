"""Compile everything that is compiled before a worker joins its group: once it has, seconds matter.

`python -m callgauge_streams.rollup.warm_up` leaves the compiled code on disk; the image is built with it.
"""

from __future__ import annotations

import numpy as np

from callgauge.codec import encode
from callgauge.schema import Call
from callgauge_streams.bus.chunk import Chunk
from callgauge_streams.bus.record_batches import warm_up as warm_up_batches
from callgauge_streams.bus.records import Records
from callgauge_streams.rollup.config import RollupConfig
from callgauge_streams.rollup.rows.partitions import messages_of
from callgauge_streams.rollup.source.duplicates import SeenIds
from callgauge_streams.rollup.source.state_machine import SourceRollup
from callgauge_windows.compiler_pages import leave_compiler
from callgauge_windows.grouping import parse_groupings

__all__ = ["warm_up"]

_ENOUGH = 400  # tables grow


def warm_up() -> None:
    """Call every compiled function, with arguments of the types that it will get: a source's whole life in small."""
    warm_up_batches()
    config = RollupConfig(parse_groupings("@10s model@10s"), block_offsets=1 << 16, out_of_orderness_ms=0)
    source = SourceRollup(config, "warm-up", 0)
    calls = [Call(event_id=f"e{at}", ts=at * 10.0, service="s", model=str(at), cost_usd=1.0) for at in range(_ENOUGH)]
    # Arrays of one event are of a type of their own, and the scan leaves some ids to msgspec.
    one = [encode(Call(event_id="é", ts=0.0, service="s"))]
    block, previous = 0, None
    for values in ([*map(encode, calls), b"{}"], one, one):
        records = Records.of(range(block, block + len(values)), [0] * len(values), values)
        closed = source.take(Chunk(0, 0, 0, 0, previous, block, Records.joined([records])))
        for batch in closed.rows if closed else ():
            list(messages_of(batch, 2))  # they are made while they are gone through
        block, previous = block + len(values), block + len(values) - 1
    ids = np.arange(1 << 12)
    SeenIds(1, 1).mark(ids, ids, ids, ids)  # so many that their table is made anew
    leave_compiler()


if __name__ == "__main__":
    warm_up()
