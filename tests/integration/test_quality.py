"""The quality worker on a real log: killed again and again, every answer has its scores, and always the same ones."""

from __future__ import annotations

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
from callgauge_quality.heuristics import Heuristics
from tests.brokers import Broker
from tests.chaos.pipeline import committed, ends
from tests.forkserver import start
from tests.integration.test_detect import records

ANSWERS = (
    "Sorry, but I can't assist with that.",
    "Restart the gateway with systemctl. Then look at its log. It says why it ended.",
    '{"city": "Bern"',
)
KILLS, SLICE = 2, 150


def sent(settings: Settings, begin: int, count: int) -> None:
    """Contents and their calls, delivered."""
    producer = Producer(settings.librdkafka() | {"enable.idempotence": True})
    for n in range(begin, begin + count):
        ids: dict[str, Any] = {"event_id": f"e{n}", "trace_id": f"t{n}", "ts": 1_700_000_000.0 + n, "service": "chat"}
        content = Content(**ids, labels={"model": "m"}, prompt="How do I restart it?", response=ANSWERS[n % 3])
        call = Call(**ids, model="m", finish_reason="stop", response_chars=len(content.response))
        producer.produce(settings.topics.content.name, encode(content), ids["trace_id"])
        producer.produce(settings.topics.calls.name, encode(call), ids["trace_id"])
    producer.produce(settings.topics.content.name, b"{", "t0")
    assert producer.flush(30) == 0


@contextmanager
def quality(settings: Settings, log: Path) -> Iterator[Any]:
    process = start([sys.executable, "-m", "callgauge_deploy.cli", "quality"], env=child_environment(settings), log=log)
    try:
        yield process
    finally:
        end(process, 15)


def scores(settings: Settings) -> list[bytes]:
    topic = settings.topics.scores
    return [m.value() for p in range(topic.partitions) for m in records(settings, topic.name, p)]


def is_done(settings: Settings) -> bool:
    """Everything is committed."""
    return all(
        committed(settings, "quality", topic.name, topic.partitions) == ends(settings, topic.name, topic.partitions)
        for topic in (settings.topics.content, settings.topics.calls)
    )


def test_kills_lose_and_change_no_score(tansu: Broker, settings_of: Callable[..., Settings], tmp_path: Path) -> None:
    """What was sent twice is equal byte for byte, so it is counted once; nothing is missing."""
    settings = settings_of(tansu, quality_calls="all", fetch_max_records=16, worker_name="quality-1", partitions=2)
    ensure_topics(settings)
    log = tmp_path / "quality.log"
    for kill in range(KILLS + 1):
        sent(settings, kill * SLICE, SLICE)
        with quality(settings, log) as process:
            if kill < KILLS:
                known = len(scores(settings))
                assert wait_until(lambda: len(scores(settings)) > known + 20, 60, poll_s=0.2), log.read_text()  # noqa: B023
                process.kill()
            else:
                assert wait_until(lambda: is_done(settings), 90, poll_s=0.3), log.read_text()
    found: dict[str, bytes] = {}
    for value in scores(settings):
        score = read(Score, value)
        assert found.setdefault(score.score_id, value) == value
    by_name: dict[tuple[str, str], float] = {
        (score.event_id, score.name): score.value for score in (read(Score, value) for value in found.values())
    }
    heuristics, expected = Heuristics(), dict[tuple[str, str], float]()
    for n in range((KILLS + 1) * SLICE):
        made = heuristics.scores("How do I restart it?", ANSWERS[n % 3], "chat")
        made |= {"response_length": float(len(ANSWERS[n % 3])), "cut_off": 0.0, "blocked": 0.0}
        expected |= {(f"e{n}", name): value for name, value in made.items()}
    assert by_name == expected
    assert "a record cannot be read" in log.read_text()
