"""The judge worker on a real log and a stub endpoint: scores once, its own calls, nothing lost when it is killed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from confluent_kafka import Producer

from callgauge.codec import encode, read
from callgauge.schema import Call, Content, Score
from callgauge.settings import Settings
from callgauge_deploy.environment import child_environment
from callgauge_deploy.process import end, wait_until
from callgauge_deploy.topics import ensure_topics
from callgauge_streams.quality.messages import all_labels, score_id_of
from tests.brokers import Broker
from tests.chaos.pipeline import committed, ends
from tests.forkserver import start
from tests.integration.test_detect import records
from tests.llm_answers import CHAT
from tests.llm_stub import Answer, stub_server

GOOD = {"faithfulness": 4, "relevance": 5, "completeness": 3, "hallucination": 0, "toxicity": 0}
ANSWERS = 40


def judged_as(content: str) -> Answer:
    choice = {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
    return Answer(json=CHAT | {"choices": [choice]})


def send_contents(settings: Settings) -> None:
    producer = Producer(settings.librdkafka() | {"enable.idempotence": True})
    for n in range(ANSWERS):
        content = Content(
            event_id=f"e{n}", trace_id=f"t{n}", ts=1_700_000_000.0, service="chat", labels={"model": "m"},
            prompt=f"What is {n} + {n}?", response=f"It is {2 * n}.",
        )  # fmt: skip
        producer.produce(settings.topics.content.name, encode(content), content.trace_id)
    assert producer.flush(30) == 0


@contextmanager
def judge(settings: Settings, log: Path) -> Iterator[Any]:
    process = start([sys.executable, "-m", "callgauge_deploy.cli", "judge"], env=child_environment(settings), log=log)
    try:
        yield process
    finally:
        end(process, 15)


def found(settings: Settings, topic: Any, kind: Any) -> list[Any]:
    return [read(kind, m.value()) for p in range(topic.partitions) for m in records(settings, topic.name, p)]


def is_done(settings: Settings) -> bool:
    topic = settings.topics.content
    offsets = committed(settings, "judge", topic.name, topic.partitions)
    return offsets == ends(settings, topic.name, topic.partitions)


def test_a_killed_judge_judges_again_under_the_same_ids(
    tansu: Broker, settings_of: Callable[..., Settings], tmp_path: Path
) -> None:
    """Every answer is scored once; its requests are calls; it says where texts go, and not the key."""
    log = tmp_path / "judge.log"
    with stub_server() as stub:
        settings = settings_of(
            tansu, partitions=1, worker_name="judge-1", judge_url=f"{stub.url}/v1", judge_model="judge-1",
            judge_key="sk-not-to-be-seen", judge_share="all", judge_per_minute=0, judge_price="1,2",
            judge_concurrency=2, judge_spent_file=tmp_path / "spent.json",
        )  # fmt: skip
        ensure_topics(settings)
        send_contents(settings)
        stub.answers(judged_as(json.dumps(GOOD)))
        with judge(settings, log) as process:
            assert wait_until(lambda: len(stub.seen) > 12, 60, poll_s=0.01), log.read_text()
            process.kill()
        asked = len(stub.seen)
        stub.answers(Answer(status=429, json={"error": {}}), judged_as(json.dumps(GOOD)))
        with judge(settings, log):
            assert wait_until(lambda: is_done(settings), 60, poll_s=0.2), log.read_text()
        asked += len(stub.seen)
    by_id = {score.score_id: score for score in found(settings, settings.topics.scores, Score)}
    by = "answer-1 judge-1"
    assert by_id.keys() == {score_id_of(f"judge:{by}", f"e{n}", name) for n in range(ANSWERS) for name in GOOD}
    for score in by_id.values():
        assert (score.value, score.origin, score.comment, score.service) == (GOOD[score.name], "judge", by, "chat")
        assert (score.labels, score.sample_rate) == (all_labels({"model": "m"}), 1.0)
    calls = found(settings, settings.topics.calls, Call)
    assert {call.service for call in calls} == {"callgauge-judge"}
    assert {call.status for call in calls} == {"success", "error"}
    assert ANSWERS < len(calls) <= asked
    assert sum(call.cost_usd or 0 for call in calls) > 0
    said = log.read_text()
    assert said.index("prompts and answers of 1 of the contents of all services go to 127.0.0.1") < len(said)
    assert "sk-not-to-be-seen" not in said
    assert json.loads((tmp_path / "spent.json").read_text())["usd"] > 0


def test_garbage_and_a_spent_budget_are_told_and_pass(
    tansu: Broker, settings_of: Callable[..., Settings], tmp_path: Path
) -> None:
    """Neither stops the stream: what cannot be read has no scores, and after the budget nothing is sent."""
    log = tmp_path / "judge.log"
    with stub_server() as stub:
        settings = settings_of(
            tansu, partitions=1, judge_url=f"{stub.url}/v1", judge_model="judge-1", judge_share="all",
            judge_per_minute=0, judge_price="1000,0", judge_budget_usd=0.5, judge_concurrency=1,
        )  # fmt: skip
        ensure_topics(settings)
        send_contents(settings)
        stub.answers(judged_as("I like it."))
        with judge(settings, log):
            assert wait_until(lambda: is_done(settings), 60, poll_s=0.2), log.read_text()
        assert len(stub.seen) == 4, "0.12 USD each: the fifth would be more than 0.5"
    assert found(settings, settings.topics.scores, Score) == []
    said = log.read_text()
    assert "answers are not judged (unparsable): not JSON" in said
    assert "answers are not judged (budget): the day's budget of 0.5 USD is spent" in said
