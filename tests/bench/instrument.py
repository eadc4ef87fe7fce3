"""What `instrument` adds to a call of a client: `python -m tests.bench.instrument [calls]`.

The clients are the real ones, over a transport that answers at once inside the process, so that the network hides
nothing. Bare and wrapped calls take turns in one run; the wrapper's cost is the difference of their medians, and, less
disturbed by what else runs, the difference of the calling thread's CPU time.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

import httpx2
from anthropic import Anthropic
from openai import OpenAI

from callgauge import Gauge, instrument, load_settings
from callgauge.testing import MemoryTransport
from tests.bench.report import percentile, report
from tests.llm_answers import CHAT, CHAT_CHUNKS, EMBEDDINGS, MESSAGE, RATE_LIMITS, RESPONSE, openai_stream
from tests.llm_stub import Answer

MESSAGES: Any = [{"role": "user", "content": "The capital of Switzerland? " * 40}]
#: 100 chunks of content.
LONG_STREAM = openai_stream([CHAT_CHUNKS[0], *CHAT_CHUNKS[1:2] * 100, CHAT_CHUNKS[-1]])


def http_client(answer: Answer) -> httpx2.Client:
    """A client of which every request has the same answer."""

    def respond(request: httpx2.Request) -> httpx2.Response:
        if answer.events is not None:
            content = "".join(answer.events).encode()
            return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=content)
        return httpx2.Response(200, headers=RATE_LIMITS, json=answer.json)

    return httpx2.Client(transport=httpx2.MockTransport(respond))


def openai(answer: Answer) -> OpenAI:
    return OpenAI(api_key="none", http_client=http_client(answer))


def anthropic(answer: Answer) -> Anthropic:
    return Anthropic(api_key="none", http_client=http_client(answer), open_telemetry=False)


def chat(client: Any) -> None:
    client.chat.completions.create(model="gpt-4o", messages=MESSAGES)


def chat_stream(client: Any) -> None:
    for _ in client.chat.completions.create(model="gpt-4o", messages=MESSAGES, stream=True):
        pass


def response(client: Any) -> None:
    client.responses.create(model="gpt-5", input=MESSAGES)


def embeddings(client: Any) -> None:
    client.embeddings.create(model="text-embedding-3-small", input="hello", encoding_format="float")


def message(client: Any) -> None:
    client.messages.create(model="claude-sonnet-4-6", max_tokens=9, messages=MESSAGES)


CASES: tuple[tuple[str, Callable[[], Any], Callable[[Any], None]], ...] = (
    ("openai chat", lambda: openai(Answer(json=CHAT)), chat),
    ("openai chat, 102 chunks", lambda: openai(LONG_STREAM), chat_stream),
    ("openai response", lambda: openai(Answer(json=RESPONSE)), response),
    ("openai embeddings", lambda: openai(Answer(json=EMBEDDINGS)), embeddings),
    ("anthropic message", lambda: anthropic(Answer(json=MESSAGE)), message),
)


def measure(name: str, make: Callable[[], Any], ask: Callable[[Any], None], calls: int) -> dict[str, Any]:
    """Time `calls` calls of each kind of client, by turns."""
    transport = MemoryTransport()
    with Gauge(load_settings(service="bench", queue_size=calls + 10), transport=transport) as gauge:
        clients = (make(), instrument(make(), gauge=gauge, feature="bench"))
        times: tuple[list[float], list[float]] = ([], [])
        cpu_us = [0.0, 0.0]
        for number in range(-20, calls):
            for kind, client in enumerate(clients):
                start, cpu_start = time.perf_counter_ns(), time.thread_time_ns()
                ask(client)
                cpu, taken = time.thread_time_ns() - cpu_start, time.perf_counter_ns() - start
                if number >= 0:  # the first calls load what is loaded late
                    times[kind].append(taken / 1e3)
                    cpu_us[kind] += cpu / 1e3
        waiting, stats = gauge.flush(60), gauge.stats
    if waiting or stats.delivered != calls + 20:
        raise SystemExit(f"{name}: not every call was emitted once: {stats}")
    bare, wrapped = (sorted(costs) for costs in times)
    return {
        "call": name,
        "calls": calls,
        "bare_us": percentile(bare, 0.5),
        "wrapped_us": percentile(wrapped, 0.5),
        "wrapper_us": percentile(wrapped, 0.5) - percentile(bare, 0.5),
        "wrapper_cpu_us": (cpu_us[1] - cpu_us[0]) / calls,
        "bare_p99_us": percentile(bare, 0.99),
        "wrapped_p99_us": percentile(wrapped, 0.99),
    }


def main(calls: int = 2_000) -> None:
    """Measure and report."""
    rows = [measure(name, make, ask, calls if "chunks" not in name else calls // 10) for name, make, ask in CASES]
    notes = "medians of bare and wrapped calls by turns; answers come from inside the process; MemoryTransport"
    report("instrument", rows, title="What instrument adds to a call", notes=notes)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
