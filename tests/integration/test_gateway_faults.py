"""The gateway as a process, on a real broker: kill -9, a graceful end, a broker that is away."""

from __future__ import annotations

import os
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from callgauge.codec import decode_call
from callgauge.settings import Settings
from callgauge_deploy.topics import ensure_topics
from tests.brokers import start_broker
from tests.gateway.process import RunningGateway, everything_on, running_gateway


class Load:
    """Sends batches without end, and keeps the ids of those that were answered 200."""

    def __init__(self, gateway: RunningGateway, seed: int) -> None:
        self.acknowledged: set[str] = set()
        self._gateway = gateway
        self._seed = seed
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Load:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        number = 0
        with httpx.Client(timeout=30) as client:
            while not self._stop.is_set():
                number += 1
                ids = [f"{self._seed}-{number}-{n}" for n in range(20)]
                batch = [{"event_id": event_id, "ts": 1.7e9, "service": "load"} for event_id in ids]
                try:
                    answer = client.post(f"{self._gateway.url}/v1/calls", json=batch)
                except httpx.TransportError:
                    time.sleep(0.01)  # killed
                    continue
                if answer.status_code == 200 and answer.json() == {"accepted": 20}:
                    self.acknowledged.update(ids)


def ids_on(settings: Settings) -> set[str]:
    return {decode_call(value).event_id for value in everything_on(settings, settings.topics.calls.name)}


@pytest.mark.long
def test_kill_9_loses_nothing_that_was_answered(settings: Settings, tmp_path: Path, long: bool) -> None:
    """At any moment, under load from several senders. A part of it always: three kills."""
    ensure_topics(settings)
    rng = random.Random(int(os.environ.get("CALLGAUGE_TEST_SEED", "7")))
    with running_gateway(settings, tmp_path) as gateway:
        loads = [Load(gateway, seed) for seed in range(3)]
        for load in loads:
            load.__enter__()
        try:
            for _ in range(50 if long else 3):
                before = sum(len(load.acknowledged) for load in loads)
                deadline = time.monotonic() + 30
                while sum(len(load.acknowledged) for load in loads) < before + 200 + rng.randrange(2_000):
                    assert time.monotonic() < deadline, gateway.log
                    time.sleep(0.001)
                gateway.kill()
                gateway.start()
        finally:
            for load in loads:
                load.__exit__()
        assert gateway.terminate() == 0
    acknowledged = set().union(*(load.acknowledged for load in loads))
    assert len(acknowledged) > 600
    assert not acknowledged - ids_on(settings)


def test_a_graceful_end_answers_what_is_open(tansu_settings: Settings, tmp_path: Path) -> None:
    """SIGTERM under load: exit code 0, and nothing that was answered is lost."""
    with running_gateway(tansu_settings, tmp_path) as gateway, Load(gateway, 1) as load:
        deadline = time.monotonic() + 30
        while len(load.acknowledged) < 400:
            assert time.monotonic() < deadline, gateway.log
            time.sleep(0.01)
        assert gateway.terminate() == 0, gateway.log
    assert not load.acknowledged - ids_on(tansu_settings)


def test_while_the_broker_is_away_senders_are_told_to_come_again(
    settings_of: Callable[..., Settings], tmp_path: Path
) -> None:
    """503 with Retry-After, never 2xx; and 429 when too much waits. When it is back, it is taken again."""
    with start_broker("tansu") as broker:
        settings = settings_of(broker)
        ensure_topics(settings)
        variables = {"CALLGAUGE_GATEWAY_ACK_S": "1", "CALLGAUGE_GATEWAY_IN_FLIGHT": "50"}
        with running_gateway(settings, tmp_path, **variables) as gateway:
            batch: list[dict[str, Any]] = [{"service": "s", "event_id": f"e{n}"} for n in range(40)]
            broker.kill()
            answers: list[httpx.Response] = []

            def send() -> None:
                answers.append(httpx.post(f"{gateway.url}/v1/calls", json=batch, timeout=30))

            threads = [threading.Thread(target=send) for _ in range(3)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert sorted(answer.status_code for answer in answers) == [429, 429, 503]
            assert all(answer.headers["retry-after"] == "1" for answer in answers)
            broker.start()
            ensure_topics(settings)
            deadline = time.monotonic() + 30
            while httpx.post(f"{gateway.url}/v1/calls", json=batch, timeout=30).status_code != 200:
                assert time.monotonic() < deadline, gateway.log
                time.sleep(0.1)
            assert ids_on(settings) == {f"e{n}" for n in range(40)}
