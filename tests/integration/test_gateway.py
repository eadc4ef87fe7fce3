"""The gateway as a process, on a real broker: what real clients send is what the provider served."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from callgauge.codec import read
from callgauge.keys.key_hash import hash_of, id_of, new_key
from callgauge.schema import Call
from callgauge.settings import Settings
from callgauge_deploy.topics import ensure_topics
from callgauge_gateway.exporter import CallgaugeSpanExporter
from tests.bench.peers.environments import python_with
from tests.brokers import Broker
from tests.gateway.clients import PROMPT, SCENARIO, Step
from tests.gateway.otel_client import INSTRUMENTATIONS, export_scenario
from tests.gateway.process import everything_on, running_gateway
from tests.integration.test_sinks import sinks, wait_for

ROOT = Path(__file__).parents[2]

#: What OpenTelemetry's own instrumentation does not tell: nothing of the prompt cache, of reasoning, of first tokens.
MORE = {
    "gen_ai": {},
    "openinference": {"cache_read_tokens": 100, "cache_write_tokens": 5, "reasoning_tokens": 12, "stream": True},
    "openllmetry": {"cache_read_tokens": 100, "stream": True},
}


def calls_on(settings: Settings) -> list[Call]:
    """By the time of their start."""
    values = everything_on(settings, settings.topics.calls.name)
    return sorted((read(Call, value) for value in values), key=lambda call: call.ts)


def check_scenario(calls: list[Call], name: str) -> None:
    """Each call says what the stub served for its step."""
    assert len(calls) == len(SCENARIO)
    for step, call in zip(SCENARIO, calls, strict=True):
        expected = step.call | (MORE[name] if step.name == "stream" else {})
        assert {field: getattr(call, field) for field in expected} == expected, step.name
        assert (call.service, call.environment) == ("capitals", "test")
        check_times_and_cost(step, call, name)
    assert PROMPT not in str([call.model_dump() for call in calls])


def check_times_and_cost(step: Step, call: Call, name: str) -> None:
    assert call.latency_ms is not None
    assert call.latency_ms > 0
    if step.name == "stream" and MORE[name]:
        assert call.time_to_first_token_ms is not None
        assert 0 < call.time_to_first_token_ms <= call.latency_ms
    if call.status == "success":
        assert call.cost_usd == cost_of(call)
        assert call.price_source.startswith("genai-prices")


def cost_of(call: Call) -> float:
    """In the table's prices of gpt-4o, and of the embeddings: 2.5, 1.25 (cached) and 10 dollars a million; 0.02."""
    if call.operation == "embeddings":
        return round((call.input_tokens or 0) * 0.02 / 1e6, 12)
    cached = call.cache_read_tokens or 0
    nano = ((call.input_tokens or 0) - cached) * 2_500 + cached * 1_250 + (call.output_tokens or 0) * 10_000
    return nano / 1e9


@pytest.mark.parametrize("name", INSTRUMENTATIONS)
def test_what_a_real_client_exports_is_what_the_provider_served(
    name: str, tansu_settings: Settings, tmp_path: Path
) -> None:
    """By OTLP over HTTP, with a key: tokens, cost, model, errors and first token, and nothing of the prompt."""
    key = new_key()
    keys = tmp_path / "keys.yaml"
    keys.write_text(json.dumps({"keys": [{"id": id_of(key), "service": "capitals", "sha256": hash_of(key)}]}))
    with running_gateway(tansu_settings, tmp_path, CALLGAUGE_GATEWAY_KEYS_FILE=str(keys)) as gateway:
        environment = os.environ | {
            "OTEL_EXPORTER_OTLP_ENDPOINT": gateway.url,
            "OTEL_EXPORTER_OTLP_HEADERS": f"authorization=Bearer%20{key}",
            "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
        }
        command = [sys.executable, "-m", "tests.gateway.otel_client", name]
        subprocess.run(command, env=environment, check=True, timeout=120)
        assert httpx.post(f"{gateway.url}/v1/calls", json={}).status_code == 401
        assert gateway.terminate() == 0
    check_scenario(calls_on(tansu_settings), name)


@pytest.mark.long
def test_what_litellm_logs_is_what_the_provider_served(tansu_settings: Settings, tmp_path: Path, long: bool) -> None:
    """By its generic API logger, from the library itself, in each of its forms: tokens, cost, model, errors and first
    token."""
    if not (long or os.environ.get("CI")):
        pytest.skip("installs litellm, of 280 MB: with --long, or CI=true; its golden payloads are tested always")
    python = python_with(("litellm==1.110.2",), ROOT / "build" / "clients" / "litellm")
    with running_gateway(tansu_settings, tmp_path) as gateway:
        environment = os.environ | {
            "GENERIC_LOGGER_ENDPOINT": f"{gateway.url}/v1/litellm",
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # else it looks for new prices in the net
            "DEFAULT_FLUSH_INTERVAL_SECONDS": "3600",  # when the test says so, and not after five seconds
        }
        command = [str(python), "-m", "tests.gateway.litellm_client", "json_array", "ndjson", "single"]
        subprocess.run(command, env=environment, check=True, timeout=300, cwd=ROOT)
        assert gateway.terminate() == 0
    calls = calls_on(tansu_settings)
    assert len(calls) == 15
    assert calls[::3] == calls[1::3] == calls[2::3]  # so what is sent again is a duplicate, whatever it is sent as
    check_litellm(calls[::3])
    assert "secret" not in str(everything_on(tansu_settings, tansu_settings.topics.calls.name))


def check_litellm(calls: list[Call]) -> None:
    """What the stub served, of the five requests of `tests.gateway.litellm_client`."""
    chat, stream, cached, embeddings, limited = calls
    for call in (chat, stream):
        told = (call.model, call.input_tokens, call.output_tokens, call.cache_read_tokens, call.reasoning_tokens)
        assert told == ("gpt-4o", 120, 30, 100, 12)
        assert (call.provider, call.finish_reason, call.price_source) == ("openai", "stop", "litellm")
        assert call.cost_usd == pytest.approx(0.000475)
    assert chat.response_model == "gpt-4o-2024-08-06"
    assert (chat.stream, chat.time_to_first_token_ms) == (False, None)
    assert stream.stream
    assert 0 < (stream.time_to_first_token_ms or 0) < (stream.latency_ms or 0)
    assert (cached.provider, cached.input_tokens, cached.cache_read_tokens, cached.cache_write_tokens) == (
        "anthropic", 130_213, 128_955, 1_253)  # fmt: skip
    assert cached.cost_usd == pytest.approx(0.05090025)
    assert (embeddings.operation, embeddings.input_tokens) == ("embeddings", 8)
    assert (limited.status, limited.error_type, limited.http_status) == ("error", "rate_limit", 429)
    assert limited.cost_usd is None


def test_what_arrives_in_clickhouse_is_what_the_provider_served(
    tansu: Broker, settings_of: Callable[..., Settings], tmp_path: Path
) -> None:
    """From a real client through gateway, bus and sink: a row a call, and the score of an evaluation."""
    store = f"chdb://{tmp_path}/store"
    settings = settings_of(tansu, store=store, data_dir=tmp_path)
    ensure_topics(settings)
    evaluation = json.loads((ROOT / "tests/golden/gateway/gen_ai_evaluation.json").read_bytes())["payload"]
    with sinks(settings), running_gateway(settings, tmp_path) as gateway:
        export_scenario("openinference", OTLPSpanExporter(endpoint=f"{gateway.url}/v1/traces"))
        assert httpx.post(f"{gateway.url}/v1/traces", json=evaluation).status_code == 200
        columns = "model, response_model, input_tokens, output_tokens, cache_read_tokens, cost_usd, error_type"
        chat = ["gpt-4o", "gpt-4o-2024-08-06", 120, 30, 100, 0.000475]
        wait_for(
            settings,
            f"SELECT {columns} FROM calls_final WHERE service = 'capitals' ORDER BY ts",
            [
                [*chat, ""],
                [*chat, ""],
                ["text-embedding-3-small", "text-embedding-3-small", 8, None, None, 1.6e-07, ""],
                ["gpt-4o", "", None, None, None, None, "rate_limit"],
                ["gpt-4o", "", None, None, None, None, "other"],
            ],
        )
        wait_for(
            settings,
            "SELECT name, value, origin FROM scores FINAL ORDER BY name",
            [["Format", 0.0, "judge"], ["Relevance", 0.85, "judge"]],
        )


def test_the_exporter_sends_the_same_without_a_gateway(tansu_settings: Settings) -> None:
    """Straight to the bus."""
    export_scenario("openinference", CallgaugeSpanExporter(tansu_settings))
    check_scenario(calls_on(tansu_settings), "openinference")


def test_the_exporter_tells_when_the_bus_is_away(tansu_settings: Settings) -> None:
    """FAILURE, in time, and no exception; spans that are not ours need no bus."""
    away = CallgaugeSpanExporter(
        tansu_settings.model_copy(update={"bootstrap_servers": "127.0.0.1:1", "gateway_ack_s": 0.2})
    )
    memory = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(memory))
    tracer = provider.get_tracer("test")
    tracer.start_span("other").end()
    other = memory.get_finished_spans()
    memory.clear()
    tracer.start_span("chat", attributes={"gen_ai.system": "x"}).end()
    assert away.export(other) is SpanExportResult.SUCCESS
    assert away.export(memory.get_finished_spans()) is SpanExportResult.FAILURE
    away.shutdown()


FORK = """
import os, sys
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.resources import Resource
from callgauge_gateway.exporter import CallgaugeSpanExporter
exporter = CallgaugeSpanExporter()
provider = TracerProvider(resource=Resource({"service.name": "forked"}))
provider.add_span_processor(SimpleSpanProcessor(exporter))
def call(name):
    provider.get_tracer("t").start_span(name, attributes={"gen_ai.system": "x"}).end()
call("parent")
child = os.fork()
call("child" if child == 0 else "parent again")
if child == 0:
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
"""


def test_the_exporter_goes_on_in_a_forked_child(tansu_settings: Settings) -> None:
    """With a connection of its own, as workers of gunicorn need it."""
    environment = os.environ | {
        "CALLGAUGE_BOOTSTRAP_SERVERS": tansu_settings.bootstrap_servers,
        "CALLGAUGE_TOPIC_PREFIX": tansu_settings.topic_prefix,
    }
    subprocess.run([sys.executable, "-c", FORK], env=environment, check=True, timeout=60)
    assert sorted(call.name for call in calls_on(tansu_settings)) == ["child", "parent", "parent again"]
