"""What sinks and notifier tell a scraper."""

from __future__ import annotations

import httpx
import pytest

from callgauge.errors import SettingError
from callgauge.settings import load_settings
from callgauge_deploy.process import free_port
from callgauge_intake.consumer import Intake
from callgauge_intake.metrics import Counted, serve_metrics
from tests.unit.sinks.fakes import FakeConsumer


def test_lag_is_what_was_not_read() -> None:
    """Of the partitions that are ours, and of no other."""
    consumer = FakeConsumer({0: [b"x"] * 10, 1: [b"x"] * 3})
    intake = Intake(consumer, "t", clock=lambda: 0.0)
    assert intake.lag() == {}
    while len(intake.take(4, 0.0)) < 4:
        pass
    assert sum(intake.lag().values()) == 13 - 4
    consumer.revoke([0])
    assert set(intake.lag()) == {("t", 1)}


def test_a_scraper_sees_counters_and_lag() -> None:
    """Read at each scrape, with the process's own metrics; a port that is taken is named."""
    intake = Intake(FakeConsumer({0: [b"x"] * 10}), "t", clock=lambda: 0.0)
    intake.take(1, 0.0)
    done: dict[tuple[str, ...], float] = {("t",): 1.0}
    settings = load_settings(metrics_port=free_port())
    serve_metrics(settings, "sinks", [intake], [Counted("processed_records", "Done.", ("topic",), lambda: done)])
    url = f"http://127.0.0.1:{settings.metrics_port}/metrics"
    for count in (1.0, 2.0):
        done["t",] = count
        text = httpx.get(url).text
        assert f'callgauge_processed_records_total{{app="sinks",topic="t"}} {count}' in text
        assert 'callgauge_lag_records{app="sinks",partition="0",topic="t"}' in text
        assert "process_cpu_seconds_total" in text
    with pytest.raises(SettingError, match=r"CALLGAUGE_METRICS_PORT: metrics cannot be served on 127\.0\.0\.1:"):
        serve_metrics(settings, "sinks", [], [])


def test_what_falls_is_a_gauge() -> None:
    """Its name has no _total."""
    settings = load_settings(metrics_port=free_port())
    leads = Counted("evaluator_leads", "Whether it leads.", (), lambda: {(): 1.0}, falls=True)
    serve_metrics(settings, "evaluator", [], [leads])
    text = httpx.get(f"http://127.0.0.1:{settings.metrics_port}/metrics").text
    assert "# TYPE callgauge_evaluator_leads gauge" in text
    assert 'callgauge_evaluator_leads{app="evaluator"} 1.0' in text
