"""A worker's metrics, as a scraper reads them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from callgauge_deploy.environment import child_environment
from callgauge_deploy.process import free_port, spawn, wait_until
from tests.brokers import Broker
from tests.chaos.pipeline import pipeline_settings
from tests.integration.rollup_stream import RollupStream

Samples = dict[tuple[str, str], float]


def scrape(port: int) -> Samples:
    """Name and partition ("" where none) -> value."""
    text = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=5).text
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    return {(s.name, s.labels.get("partition", "")): s.value for s in samples if s.name.startswith("callgauge_")}


def total(samples: Samples, name: str) -> float:
    return sum(value for (metric, _), value in samples.items() if metric == f"callgauge_{name}")


@pytest.fixture
def stream(broker: Broker, tmp_path: Path) -> RollupStream:
    """A stream whose workers serve metrics."""
    return RollupStream(
        pipeline_settings(broker.bootstrap, tmp_path, block_offsets=256, dedup_offsets=0, metrics_port=free_port())
    )


def test_metrics_count_what_was_done(stream: RollupStream) -> None:
    """Lag goes to zero, though a block is open; counters are those of the closed blocks."""
    stream.publish(2_000)
    port = stream.settings.metrics_port
    with stream.worker() as worker:
        stream.wait_counted(worker)
        assert wait_until(lambda: total(scrape(port), "lag_records") == 0, 60)
        samples = scrape(port)
        assert {partition for name, partition in samples if name == "callgauge_lag_records"} == {"0", "1"}
        assert total(samples, "processed_records_total") == 2_000
        assert total(samples, "rows_sent_total") == len(stream.windows.read().rows)
        closed = [summary for summary in stream.windows.summaries.values() if summary.complete]
        assert total(samples, "blocks_closed_total") == len(closed) > 0
        for name in ("duplicates", "dead", "folded", "late"):
            assert total(samples, f"{name}_total") == sum(getattr(summary, name) for summary in closed), name
        # told with the progress, once a second
        assert wait_until(lambda: total(scrape(port), "watermark_seconds") > 1_600_000_000, 60)
        assert total(samples, "rebalances_total") >= 1
    stream.close()


def test_a_port_that_is_taken_is_named(stream: RollupStream) -> None:
    """In one line."""
    with stream.worker() as worker:
        worker.wait_ready()
        second = spawn(
            [sys.executable, "-m", "callgauge_deploy.cli", "rollup"],
            env=child_environment(stream.settings),
            stderr=subprocess.PIPE,
        )
        _, said = second.communicate(timeout=60)
    assert second.returncode == 1
    assert said.decode().strip().splitlines()[-1].startswith("callgauge: error: CALLGAUGE_METRICS_PORT: ")
    stream.close()
