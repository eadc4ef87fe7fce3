"""Flink SQL (PyFlink, its mini cluster in one JVM): TUMBLE by event time, per series, with a watermark.

Does: its own JSON decoding of the fields it needs, a watermark per partition that waits 10 s, sums per series and
window in its two steps (local, then global). Finished windows go to a table that forgets them. One slot (it has one
core), a heap of 1 GB, objects used again.
Does not: percentiles. Its SQL has no histogram to add to (PERCENTILE keeps every value), so it does less than the
others. No checkpoints, no duplicates, no dead letters.
How far it is, Flink's own metric says: the calls that came into the first step of the aggregation.
"""

from __future__ import annotations

import json
import os
import socket
import tempfile
import time
import urllib.parse
import urllib.request
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from typing import Any

from pyflink.common import Configuration
from pyflink.java_gateway import get_gateway
from pyflink.table import EnvironmentSettings, TableEnvironment

from tests.bench.peers.fold import WINDOW_S
from tests.bench.peers.progress import Job, Progress, job_from_command_line, own_cpu_s

HEAP = "-Xmx1g"
WAIT_S = 10
POLL_S = 0.5
SUMS = ("calls", "errors", "input_tokens", "output_tokens", "cost_usd", "latency_ms")


def calls_table(job: Job) -> str:
    """The topic as a table; only the fields that are aggregated."""
    labels = "".join(f"{label} STRING, " for label in job.by)
    return f"""CREATE TABLE calls (
        {labels} ts DOUBLE, latency_ms DOUBLE, status STRING,
        input_tokens BIGINT, output_tokens BIGINT, cost_usd DOUBLE,
        ended AS TO_TIMESTAMP_LTZ(CAST(ts * 1000 + latency_ms AS BIGINT), 3),
        WATERMARK FOR ended AS ended - INTERVAL '{WAIT_S}' SECOND
    ) WITH (
        'connector' = 'kafka', 'format' = 'json', 'topic' = '{job.topic}', 'scan.startup.mode' = 'earliest-offset',
        'properties.bootstrap.servers' = '{job.bootstrap}', 'properties.group.id' = '{job.group}'
    )"""


def sums_table(job: Job) -> str:
    """What is done with finished windows: nothing."""
    labels = "".join(f"{label} STRING, " for label in job.by)
    return f"""CREATE TABLE sums (
        {labels} start_at TIMESTAMP(3), calls BIGINT, errors INT, input_tokens BIGINT, output_tokens BIGINT,
        cost_usd DOUBLE, latency_ms DOUBLE
    ) WITH ('connector' = 'blackhole')"""


def query(job: Job) -> str:
    """A row per series and finished window: labels, start, SUMS."""
    return f"""SELECT
        {job.labels}, window_start, COUNT(*), SUM(CASE WHEN status = 'error' THEN 1 ELSE 0 END),
        SUM(COALESCE(input_tokens, 0)), SUM(COALESCE(output_tokens, 0)), SUM(COALESCE(cost_usd, 0)), SUM(latency_ms)
        FROM TUMBLE(TABLE calls, DESCRIPTOR(ended), INTERVAL '{WINDOW_S}' SECOND)
        GROUP BY {job.labels}, window_start, window_end"""


def start(job: Job, port: int) -> Any:
    """The mini cluster, with its REST API on `port`, and the table of calls."""
    temporary = tempfile.gettempdir()
    os.environ |= {"JVM_ARGS": f"{HEAP} -Djava.io.tmpdir={temporary}", "FLINK_LOG_DIR": temporary}
    settings = Configuration()
    for key, value in {
        "parallelism.default": "1",
        "pipeline.object-reuse": "true",
        "pipeline.jars": ";".join(path.as_uri() for path in Path(os.environ["PEER_JARS"]).glob("*.jar")),
        "table.local-time-zone": "UTC",
        "rest.bind-port": str(port),
        "metrics.fetcher.update-interval": str(round(POLL_S * 1000)),
    }.items():
        settings.set_string(key, value)
    environment = EnvironmentSettings.new_instance().in_streaming_mode().with_configuration(settings).build()
    tables = TableEnvironment.create(environment)
    tables.execute_sql(calls_table(job))
    return tables


def write_rows(tables: Any, job: Job) -> None:
    """Each finished window as a line of JSON, for the test."""
    with Path(job.rows).open("w") as lines, tables.execute_sql(query(job)).collect() as rows:
        for row in rows:
            labels, (start_at, *sums) = row[: len(job.by)], row[len(job.by) :]
            line = {"series": ",".join(label or "" for label in labels)}
            line |= {"start": round(start_at.replace(tzinfo=UTC).timestamp())} | dict(zip(SUMS, sums, strict=True))
            print(json.dumps(line), file=lines, flush=True)


def ask(port: int, path: str) -> Any:
    """What the REST API says."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
        return json.load(answer)


def counter_of(port: int, job_id: str) -> str:
    """Path of the metric that counts the calls which came into the first step; waits until it is there."""
    while True:
        for vertex in ask(port, f"/jobs/{job_id}")["vertices"]:
            metrics = f"/jobs/{job_id}/vertices/{vertex['id']}/metrics"
            for metric in ask(port, metrics):
                if "LocalWindowAggregate" in metric["id"] and metric["id"].endswith(".numRecordsIn"):
                    return f"{metrics}?get={urllib.parse.quote(metric['id'])}"
        time.sleep(POLL_S)


def cpu_of(pid: int) -> Callable[[], float]:
    """Tells the CPU seconds of this process and of the JVM."""
    ticks = os.sysconf("SC_CLK_TCK")

    def cpu_s() -> float:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return own_cpu_s() + (int(after_name[11]) + int(after_name[12])) / ticks

    return cpu_s


def main(job: Job) -> None:
    """Read until ended from outside."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    tables = start(job, port)
    if job.rows:
        return write_rows(tables, job)
    tables.execute_sql(sums_table(job))
    running = tables.execute_sql(f"INSERT INTO sums {query(job)}").get_job_client()
    counter = counter_of(port, str(running.get_job_id()))
    progress = Progress(job.count, every_s=0, cpu_s=cpu_of(get_gateway().jvm.java.lang.ProcessHandle.current().pid()))
    while True:
        time.sleep(POLL_S)
        if read := int(ask(port, counter)[0]["value"]) - progress.events:
            progress.add(read)


if __name__ == "__main__":
    main(job_from_command_line())
