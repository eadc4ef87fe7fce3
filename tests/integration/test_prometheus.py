"""A real Prometheus reads what callgauge serves, and its rules hold."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.exposition import generate_latest

from callgauge.settings import load_settings
from callgauge_deploy.process import wait_until
from callgauge_history.prometheus.collector import ProductCollector
from callgauge_history.prometheus.totals import COUNTS, HISTOGRAMS
from callgauge_history.store import QueryResult
from tests.brokers import in_ci
from tests.prometheus import RULES, PrometheusMissing, promtool, start_prometheus

SETTINGS = load_settings(groupings="@10s service,provider,model@60s")


def answer(_: str) -> QueryResult:
    """Two services; ten calls of the first failed."""
    columns = ["service", "provider", "model", "errors", *(COUNTS + HISTOGRAMS * 5)]
    measured = [90, 90 * 1_500_000, 0, 5, {"656": 90}, 90, 9_000_000, 0, 5, {"500": 90}, 100, 9_000, 0, 5, {"205": 100}]
    counts = {"n": 100, "input_tokens": 50_000, "output_tokens_sum": 9_000, "cost_sum": 1_250_000_000}
    row = [{"timeout": 10}, *(counts.get(name, 0) for name in COUNTS), *measured]
    return QueryResult(columns, [["chat", "openai", "gpt-4o", *row], ['we"ird\\\n', "", "m", *row]])


@pytest.fixture
def registry() -> CollectorRegistry:
    """What a console serves. Its time stands still: at each full minute it asks for the window that has closed and for
    those that are open, and `answer` would have the same calls in both."""
    made = CollectorRegistry()
    made.register(ProductCollector(answer, SETTINGS, now=lambda: 1_800_000_000.0))
    return made


def checked(*arguments: str, text: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    try:
        return promtool(*arguments, text=text)
    except PrometheusMissing as error:
        if in_ci():
            raise
        pytest.skip(str(error))


def test_promtool_finds_no_fault_in_the_page(registry: CollectorRegistry) -> None:
    """Names, units, help and types as Prometheus wants them."""
    done = checked("check", "metrics", text=generate_latest(registry))
    assert (done.returncode, done.stdout + done.stderr) == (0, b"")


@pytest.mark.parametrize(
    "arguments", [("check", "config", "--syntax-only", "prometheus.yml"), ("test", "rules", "rules.test.yml")]
)
def test_the_shipped_rules_hold(arguments: tuple[str, ...]) -> None:
    """They can be read, and give what their tests say."""
    *command, name = arguments
    done = checked(*command, str(RULES / name))
    assert done.returncode == 0, done.stdout + done.stderr


def test_prometheus_reads_every_number(registry: CollectorRegistry, tmp_path: Path) -> None:
    """Labels with odd characters among them; every rule is evaluated without a fault."""
    server, thread = start_http_server(0, "127.0.0.1", registry)
    try:
        with start_prometheus(tmp_path, server.server_port) as prometheus:
            assert wait_until(lambda: bool(prometheus.ask("callgauge_calls_total")), 60)
            calls = {json.loads(key)["service"]: n for key, n in prometheus.ask("callgauge_calls_total").items()}
            assert calls == {"chat": 100, 'we"ird\\\n': 100}
            assert list(prometheus.ask('callgauge_cost_usd_total{service="chat"}').values()) == [1.25]
            assert list(prometheus.ask('callgauge_errors_total{service="chat",error_type="timeout"}').values()) == [10]
            counted = 'gen_ai_client_operation_duration_seconds_bucket{service_name="chat",le="2.56"}'
            assert list(prometheus.ask(counted).values()) == [90]
            assert wait_until(lambda: all(rule["health"] == "ok" for rule in prometheus.rules()), 60)
            assert len(prometheus.rules()) == 12
    except PrometheusMissing as error:
        if in_ci():
            raise
        pytest.skip(str(error))
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_rules_name_only_metrics_that_exist(registry: CollectorRegistry) -> None:
    """A metric that is renamed would make a rule silent for ever."""
    source = (Path(__file__).parents[2] / "streams/callgauge_streams/worker/metrics.py").read_text()
    workers = {f"callgauge_{name}" for name in re.findall(r'"([a-z_]+)"', source)}
    known = set(re.findall(r"^# TYPE (\S+)", generate_latest(registry).decode(), re.MULTILINE))
    known |= {name + suffix for name in known for suffix in ("_bucket", "_count", "_sum")}
    known |= workers | {name + "_total" for name in workers} | set(re.findall(r"callgauge_[a-z_]+", source))
    for file in RULES.glob("*.rules.yml"):
        for expression in re.findall(r"expr: (?:\|\n((?: {10,}.*\n)+)|(.*))", file.read_text()):
            for name in re.findall(r"(?<![\w:])(?:callgauge|gen_ai)_[a-z_]+(?![\w:])", " ".join(expression)):
                assert name in known or name in ("gen_ai_request_model",), f"{file.name}: {name}"
