"""The examples run as they stand, against a local provider, and the call of each is on the bus."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from confluent_kafka import Consumer, TopicPartition

from callgauge import Call
from callgauge.codec import read
from callgauge.settings import Settings
from callgauge_deploy.process import wait_until
from callgauge_deploy.topics import ensure_topics
from tests.brokers import Broker
from tests.llm_answers import CHAT_CHUNKS, CHAT_USAGE_CHUNK, MESSAGE_EVENTS, anthropic_stream, openai_stream
from tests.llm_stub import Answer, stub_server

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"


def run_example(name: str, settings: Settings, answer: Answer) -> str:
    """What an example prints."""
    with stub_server() as stub:
        stub.answers(answer)
        environment = os.environ | {
            "CALLGAUGE_BOOTSTRAP_SERVERS": settings.bootstrap_servers,
            "CALLGAUGE_TOPIC_PREFIX": settings.topic_prefix,
            "CALLGAUGE_SERVICE": "examples",
            "OPENAI_API_KEY": "none",
            "OPENAI_BASE_URL": f"{stub.url}/v1",
            "ANTHROPIC_API_KEY": "none",
            "ANTHROPIC_BASE_URL": stub.url,
        }
        command = [sys.executable, "-W", "error", str(EXAMPLES / name)]
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=120, check=True, cwd=ROOT
        )
    assert done.stderr == ""
    return done.stdout


def call_on(settings: Settings) -> Call:
    """The one call on the topic."""
    topic = settings.topics.calls
    found: list[Call] = []
    consumer = Consumer(settings.librdkafka() | {"group.id": "unused", "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic.name, number, 0) for number in range(topic.partitions)])

    def has_come() -> bool:
        messages = [message for message in consumer.consume(10, 0.5) if message.error() is None]
        found.extend(read(Call, message.value()) for message in messages)
        return bool(found)

    try:
        assert wait_until(has_come, 60, poll_s=0.0)
    finally:
        consumer.close()
    (call,) = found
    return call


def test_openai_in_one_line(tansu: Broker, settings_of: Callable[..., Settings]) -> None:
    """Ten lines; the host prints the answer, the call has TTFT and the tokens that the stream was asked for."""
    settings = settings_of(tansu, partitions=1)
    ensure_topics(settings)
    answer = openai_stream([*CHAT_CHUNKS, CHAT_USAGE_CHUNK])
    assert run_example("openai_one_line.py", settings, answer) == "Bern"
    assert len((EXAMPLES / "openai_one_line.py").read_text().splitlines()) == 10
    call = call_on(settings)
    assert (call.service, call.feature, call.provider, call.model) == ("examples", "capitals", "openai", "gpt-4o")
    assert (call.status, call.finish_reason, call.stream) == ("success", "stop", True)
    assert (call.input_tokens, call.cache_read_tokens, call.output_tokens) == (120, 100, 30)
    assert call.cost_usd == 0.000475
    assert has_ttft(call)


def test_anthropic_streaming(tansu: Broker, settings_of: Callable[..., Settings]) -> None:
    """The same for Anthropic, whose streams tell their tokens anyhow."""
    settings = settings_of(tansu, partitions=1)
    ensure_topics(settings)
    assert run_example("anthropic_streaming.py", settings, anthropic_stream(MESSAGE_EVENTS)) == "Bern"
    call = call_on(settings)
    assert (call.feature, call.prompt_version, call.provider) == ("capitals", "1", "anthropic")
    assert (call.status, call.finish_reason, call.stream) == ("success", "end_turn", True)
    assert (call.input_tokens, call.cache_read_tokens, call.output_tokens) == (130_213, 128_955, 500)
    assert call.cost_usd == 0.05090025
    assert has_ttft(call)


def has_ttft(call: Call) -> bool:
    ttft, latency = call.time_to_first_token_ms, call.latency_ms
    return ttft is not None and latency is not None and 0 < ttft <= latency
