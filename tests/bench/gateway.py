"""How many calls and spans the gateway takes: `python -m tests.bench.gateway [seconds]`.

The gateway, as a process on tansu, is loaded by a client process with a few connections, in batches of 100: JSON calls,
then OTLP spans in protobuf. Per core means for each second of CPU that the gateway used. The last runs send at half of
what is aimed at, and measure how long answers take.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psutil
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from callgauge.settings import load_settings
from callgauge_deploy.topics import ensure_topics
from tests.bench.report import FOLDER, percentile, report
from tests.brokers import start_broker
from tests.gateway.process import RunningGateway, running_gateway
from tests.random_calls import random_calls

BATCH = 100
CONNECTIONS = 8
#: What one core should take in a second; answers are timed at half of it.
AIMS = {"json": 20_000, "otlp": 10_000}

#: Stands in each response id, and is another one each time a batch is sent: no id comes twice, as from services.
FRESH = b"0123456789ab"

#: Number of a batch -> its bytes.
Body = Callable[[int], bytes]


def json_body(number: int) -> bytes:
    """100 calls without costs, as services send them."""
    calls = random_calls(BATCH, seed=number, start=time.time(), span_s=1.0)
    plain = [call.model_dump(exclude_defaults=True) | {"model": "gpt-4o", "cost_usd": None} for call in calls]
    return json.dumps(plain).encode()


def otlp_body(number: int) -> bytes:
    """100 spans as OpenTelemetry's instrumentation of OpenAI's client makes them."""
    export = ExportTraceServiceRequest()
    group = export.resource_spans.add()
    group.resource.attributes.add(key="service.name").value.string_value = "bench"
    group.resource.attributes.add(key="service.version").value.string_value = "1.2.3"
    scope = group.scope_spans.add()
    rng = random.Random(number)  # ids as SDKs draw them
    for _ in range(BATCH):
        span = scope.spans.add(name="chat gpt-4o", trace_id=rng.randbytes(16), span_id=rng.randbytes(8))
        span.start_time_unix_nano = time.time_ns()
        span.end_time_unix_nano = span.start_time_unix_nano + 812_000_000
        texts = {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "gpt-4o",
            "gen_ai.response.model": "gpt-4o-2024-08-06",
            "gen_ai.response.id": f"chatcmpl-{FRESH.decode()}{rng.randbytes(6).hex()}",
            "gen_ai.conversation.id": "session",
            "server.address": "api.openai.com",
        }
        for name, text in texts.items():
            span.attributes.add(key=name).value.string_value = text
        counts = {"gen_ai.usage.input_tokens": 420, "gen_ai.usage.output_tokens": 96, "server.port": 443}
        for name, count in counts.items():
            span.attributes.add(key=name).value.int_value = count
        finish = span.attributes.add(key="gen_ai.response.finish_reasons").value.array_value.values
        finish.add().string_value = "stop"
    return bytes(export.SerializeToString())


KINDS: dict[str, tuple[str, str, Body]] = {
    "json": ("/v1/calls", "application/json", json_body),
    "otlp": ("/v1/traces", "application/x-protobuf", otlp_body),
}


def load(url: str, kind: str, seconds: float, per_s: float, results: Any) -> None:
    """In a process of its own: send batches, back to back or so many events a second; tell how it went."""
    results.put(asyncio.run(_load(url, kind, seconds, per_s)))


async def _load(url: str, kind: str, seconds: float, per_s: float) -> tuple[int, float, list[float]]:
    path, content_type, body_of = KINDS[kind]
    bodies = [body_of(number) for number in range(64)]
    took: list[float] = []
    sent = 0
    started = time.perf_counter()

    async def connection(first: int, client: httpx.AsyncClient) -> None:
        nonlocal sent
        number = first
        while (began := time.perf_counter()) < started + seconds:
            if per_s:  # from when it should be sent: a connection that still waits for an answer is late, too
                due = started + number * BATCH / per_s
                await asyncio.sleep(max(0.0, due - began))
                began = due
            body = bodies[number % 64].replace(FRESH, random.randbytes(6).hex().encode())
            answer = await client.post(path, content=body, headers={"content-type": content_type})
            took.append(time.perf_counter() - began)
            if answer.status_code != 200:
                raise SystemExit(f"{path} answered {answer.status_code}: {answer.text}")
            sent += BATCH
            number += CONNECTIONS

    async with httpx.AsyncClient(base_url=url, timeout=60) as client:
        await asyncio.gather(*(connection(n, client) for n in range(CONNECTIONS)))
    return sent, time.perf_counter() - started, took


def measure(gateway: RunningGateway, kind: str, seconds: float, per_s: float = 0.0) -> dict[str, Any]:
    """One run."""
    assert gateway.process is not None
    process = psutil.Process(gateway.process.pid)
    results: Any = multiprocessing.get_context("spawn").Queue()
    child = multiprocessing.get_context("spawn").Process(target=load, args=(gateway.url, kind, seconds, per_s, results))
    before = process.cpu_times()
    child.start()
    sent, took_s, times = results.get()
    child.join()
    after = process.cpu_times()
    cpu_s = after.user + after.system - before.user - before.system
    times.sort()
    return {
        "what": f"{kind}, {f'{per_s:,.0f}/s' if per_s else 'back to back'}",
        "events": sent,
        "per_s": sent / took_s,
        "per_s_core": sent / cpu_s,
        "p50_ms": percentile(times, 0.5) * 1e3,
        "p99_ms": percentile(times, 0.99) * 1e3,
        "peak_mb": process.memory_info().rss / 1e6,
    }


def main(seconds: float = 10.0) -> None:
    """Measure and report; the figures that are compared are in build/bench/gateway.json."""
    with start_broker("tansu") as broker, tempfile.TemporaryDirectory() as folder:
        settings = load_settings(bootstrap_servers=broker.bootstrap, topic_prefix="bench")
        ensure_topics(settings)
        with running_gateway(settings, Path(folder)) as gateway:
            for kind in KINDS:
                measure(gateway, kind, 2.0)  # warm
            rows = [measure(gateway, kind, seconds) for kind in KINDS]
            halves = [measure(gateway, kind, seconds, AIMS[kind] / 2) for kind in KINDS]
    path = report("gateway", rows + halves, title="The gateway", notes=f"batches of {BATCH}, {CONNECTIONS} connections")
    told = json.loads(path.read_text())
    told |= {
        "json_calls_per_s_core": rows[0]["per_s_core"],
        "otlp_spans_per_s_core": rows[1]["per_s_core"],
        "p99_ms": max(row["p99_ms"] for row in halves),
    }
    (FOLDER / "gateway.json").write_text(json.dumps(told, indent=2))
    print({name: told[name] for name in ("json_calls_per_s_core", "otlp_spans_per_s_core", "p99_ms")})


if __name__ == "__main__":
    main(*map(float, sys.argv[1:]))
