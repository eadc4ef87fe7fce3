"""Compile everything that is compiled before a worker joins its group: once it has, seconds matter.

`python -m callgauge_streams.rollup.warm_up` leaves the compiled code on disk, for images that are read only.
"""

from __future__ import annotations

import numpy as np

from callgauge.codec import encode
from callgauge.schema import LABELS, Call
from callgauge_streams.record_batches import warm_up as warm_up_batches
from callgauge_streams.records import Records
from callgauge_streams.rollup.call_reader import CallReader
from callgauge_streams.rollup.duplicates import SeenIds

__all__ = ["warm_up"]


def warm_up() -> None:
    """Call every compiled function once, with arguments of the types that it will get."""
    values = [encode(Call(event_id="e", ts=1.0, service="s")), b"{}"]
    calls, _ = CallReader(LABELS).read(Records.of([0, 1], [0, 0], values))
    SeenIds(1, 1).mark(np.array([0]), np.array([0]), calls.ids)
    warm_up_batches()


if __name__ == "__main__":
    warm_up()
