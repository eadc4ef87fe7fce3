"""Services that fork: whatever the moment, parent, children and their children each deliver all of their calls."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
from confluent_kafka import Consumer, TopicPartition

from callgauge.codec import decode_call
from callgauge.settings import Settings
from callgauge_deploy.process import end, free_port, spawn, wait_until
from callgauge_deploy.topics import ensure_topics
from tests.brokers import Broker

ROOT = Path(__file__).parents[2]

#: Emits one call, forks after so many seconds; the child forks at once. Each of the three emits ten and delivers them.
FORKING = """
import os, sys, time
from callgauge import Gauge

delay, name = float(sys.argv[1]), sys.argv[2]
gauge = Gauge()
gauge.emit(event_id=f"{name} first")
time.sleep(delay)
child = os.fork()
grandchild = os.fork() if child == 0 else -1
who = "parent" if child else "child" if grandchild else "grandchild"
for number in range(10):
    gauge.emit(event_id=f"{name} {who} {number}")
left = gauge.flush(30)
for pid in (child, grandchild):
    if pid > 0:
        left += os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
os._exit(min(left, 100))
"""
DELAYS_S = (0.0, 0.0, 0.001, 0.003, 0.01, 0.02, 0.04, 0.08, 0.15, 0.3, 0.6, 1.0)


def environment_of(settings: Settings) -> dict[str, str]:
    more = {
        "CALLGAUGE_BOOTSTRAP_SERVERS": settings.bootstrap_servers,
        "CALLGAUGE_TOPIC_PREFIX": settings.topic_prefix,
        "CALLGAUGE_SERVICE": "forking",
    }
    return os.environ | more


@contextmanager
def ids_on(settings: Settings) -> Iterator[Callable[[], Counter[str]]]:
    """Gives a function that says which calls are on the topic so far."""
    topic, found = settings.topics.calls, Counter[str]()
    consumer = Consumer(settings.librdkafka() | {"group.id": "unused", "enable.auto.commit": False})
    consumer.assign([TopicPartition(topic.name, number, 0) for number in range(topic.partitions)])

    def read() -> Counter[str]:
        for message in consumer.consume(1_000, 0.5):
            if message.error() is None:
                found[decode_call(message.value()).event_id] += 1
        return found

    try:
        yield read
    finally:
        consumer.close()


def test_a_fork_at_any_moment_loses_nothing(broker: Broker, settings_of: Callable[..., Settings]) -> None:
    """In the first second of a Gauge, when its thread imports, connects and sends; and a fork of a fork."""
    settings = settings_of(broker)
    ensure_topics(settings)

    def run(number: int) -> int:
        command = [sys.executable, "-W", "ignore", "-c", FORKING, str(DELAYS_S[number]), str(number)]
        return subprocess.run(command, env=environment_of(settings), timeout=120, check=False).returncode

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(run, range(len(DELAYS_S)))) == [0] * len(DELAYS_S)
    names = range(len(DELAYS_S))
    expected = {f"{name} {who} {n}" for name in names for who in ("parent", "child", "grandchild") for n in range(10)}
    expected |= {f"{name} first" for name in names}
    with ids_on(settings) as read:
        assert wait_until(lambda: len(read()) >= len(expected), 60, poll_s=0.0)
        assert read() == Counter(dict.fromkeys(expected, 1))


def test_gunicorn_preloads_and_its_workers_deliver(
    broker: Broker, settings_of: Callable[..., Settings], tmp_path: Path
) -> None:
    """A real gunicorn with --preload and two uvicorn workers: every request's call arrives, and the master's once."""
    settings = settings_of(broker)
    ensure_topics(settings)
    port, log = free_port(), tmp_path / "gunicorn.log"
    workers = ["--preload", "-w", "2", "-k", "uvicorn_worker.UvicornWorker", "-b", f"127.0.0.1:{port}"]
    command = [sys.executable, "-W", "ignore", "-m", "gunicorn", *workers, "tests.integration.forking_app:app"]
    with log.open("wb") as out:
        process = spawn(command, env=environment_of(settings), stdout=out, cwd=ROOT)
    try:
        assert wait_until(lambda: answer_of(port) != "", 60, poll_s=0.1), log.read_text()
        answers: list[str] = []
        # A connection for each request, so that both workers get some.
        wait_until(
            lambda: len({a.split()[0] for a in asked(port, answers)}) == 2 and len(answers) >= 40, 60, poll_s=0.0
        )
        ids = [answer.split()[1] for answer in answers]
        with ids_on(settings) as read:
            expected = {*ids, f"preload-{process.pid}"}
            assert wait_until(lambda: expected <= read().keys(), 60, poll_s=0.0), log.read_text()
            assert max(read().values()) == 1
        assert len({answer.split()[0] for answer in answers}) == 2
    finally:
        end(process, 10)


def asked(port: int, answers: list[str]) -> set[str]:
    """Add one more answer; returns the workers that have answered so far."""
    answers.append(answer_of(port))
    return {answer.split()[0] for answer in answers}


def answer_of(port: int) -> str:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/", timeout=10).text
    except httpx.HTTPError:
        return ""
