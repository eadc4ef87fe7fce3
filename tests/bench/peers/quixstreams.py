"""Quix Streams: a tumbling window of aggregations in RocksDB, per series, with its changelog topic.

Does: its own JSON decoding (orjson), windows by event time per partition, and a histogram of latency; all in one
`reduce`, which was faster than one built-in aggregator per figure. Finished windows end in a list.
Does not: re-partition. Calls are keyed by trace, so that its `group_by` would write every call to a second topic and
read it again. What it does for a topic with one partition (change the key in place) is done here instead, which is
right for one worker and would not be for several. No duplicates, no dead letters.
"""

from __future__ import annotations

import tempfile
from typing import Any

from quixstreams import Application

from tests.bench.peers.fold import WINDOW_S, add_call, ended_at, new_totals, series_by
from tests.bench.peers.progress import Job, Progress, job_from_command_line


def main(job: Job) -> None:
    """Read until ended from outside."""
    progress = Progress(job.count)
    rows: list[Any] = []

    def reduce(totals: dict[str, Any], call: dict[str, Any]) -> dict[str, Any]:
        progress.add()
        return add_call(totals, call)

    with tempfile.TemporaryDirectory(prefix="callgauge-bench-") as folder:
        application = Application(
            job.bootstrap, consumer_group=job.group, auto_offset_reset="earliest", state_dir=folder, loglevel="WARNING"
        )
        topic = application.topic(
            job.topic,
            value_deserializer="json",
            timestamp_extractor=lambda call, headers, at_ms, kind: int(ended_at(call) * 1000),
        )
        calls = application.dataframe(topic)
        calls = calls._single_partition_groupby("series", series_by(job.by))
        windows = calls.tumbling_window(WINDOW_S * 1000, grace_ms=10_000)
        windows.reduce(reduce, initializer=lambda call: reduce(new_totals(), call)).final().update(rows.append)
        application.run()


if __name__ == "__main__":
    main(job_from_command_line())
