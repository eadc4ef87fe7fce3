"""Faust as its manual has it: an agent that adds each event to a windowed table.

Does: records of JSON, a tumbling table of dicts in memory with its changelog topic, windows by event time, a histogram
of latency per series.
Does not: re-partition with `group_by` (calls are keyed by trace; one worker can do without, several could not),
duplicates, dead letters.
"""

from __future__ import annotations

import tempfile
from typing import Any

import faust

from tests.bench.peers.fold import WINDOW_S, add_call, ended_at, new_totals, series_by
from tests.bench.peers.progress import Job, Progress, job_from_command_line

EXPIRES_S = 600


class Call(faust.Record, serializer="json"):
    """The fields that are aggregated."""

    ts: float
    latency_ms: float
    service: str
    model: str
    feature: str | None = None
    provider: str | None = None
    status: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    cost_usd: float | None = None


def make_app(job: Job, folder: str) -> faust.App:
    """The application; its timeouts are short so that it soon begins."""
    app = faust.App(
        job.group,
        broker=f"kafka://{job.bootstrap}",
        store="memory://",
        datadir=folder,
        topic_partitions=4,
        broker_session_timeout=6.0,
        broker_rebalance_timeout=4.0,
        broker_heartbeat_interval=1.5,
        web_enabled=False,
        topic_disable_leader=True,
    )
    progress = Progress(job.count)
    series_of = series_by(job.by)
    totals: Any = app.Table("totals", default=new_totals).tumbling(WINDOW_S, expires=EXPIRES_S)
    totals = totals.relative_to(lambda event: ended_at(event.value.__dict__))

    async def fold(calls: Any) -> None:
        async for call in calls:
            series = series_of(call.__dict__)
            totals[series] = add_call(totals[series].value(), call.__dict__)
            progress.add()

    app.agent(app.topic(job.topic, value_type=Call))(fold)
    return app


def main(job: Job) -> None:
    """Read until ended from outside."""
    with tempfile.TemporaryDirectory(prefix="callgauge-bench-") as folder:
        faust.Worker(make_app(job, folder), loglevel="WARN").execute_from_commandline()


if __name__ == "__main__":
    main(job_from_command_line())
