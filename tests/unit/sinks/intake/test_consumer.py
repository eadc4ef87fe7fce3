"""Batches are bounded by bytes, and each partition's commit is judged by its own answer."""

from __future__ import annotations

import logging

import pytest
from confluent_kafka import KafkaError

from callgauge.errors import BrokerError
from callgauge_intake.consumer import AWAITED, Intake
from tests.unit.sinks.fakes import FakeConsumer, ManualClock


def intake_of(consumer: FakeConsumer) -> Intake:
    return Intake(consumer, "t", ManualClock(0.001))


def test_a_batch_has_at_most_so_many_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many come at once; what does not fit is the next batch, and a larger message is one of its own."""
    monkeypatch.setattr("callgauge_intake.consumer.BATCH_BYTES", 100)
    consumer = FakeConsumer({0: [b"x" * size for size in (40, 60, 1, 250, 99, 1, 1)]})
    intake = intake_of(consumer)
    batches = [[len(message.value()) for message in intake.take(50, 1.0)] for _ in range(5)]
    assert batches == [[40, 60], [1], [250], [99, 1], [1]]


def test_what_waits_for_the_next_batch_is_dropped_with_its_partition(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its new owner reads it, and not we."""
    monkeypatch.setattr("callgauge_intake.consumer.BATCH_BYTES", 2)
    consumer = FakeConsumer({0: [b"1", b"2"], 1: [b"3", b"4"]})
    intake = intake_of(consumer)
    assert [message.value() for message in intake.take(50, 1.0)] == [b"1", b"2"]
    consumer.on_poll = lambda: consumer.revoke([1])
    intake.hold(0.1)
    assert intake.take(50, 0.01) == []


def test_few_messages_are_waited_for_at_once() -> None:
    """librdkafka bounds what it has fetched, not what it fetches while it is waited for."""
    asked: list[tuple[int, float]] = []

    class Telling(FakeConsumer):
        def consume(self, num_messages: int = 1, timeout: float = -1) -> list[object]:
            asked.append((num_messages, timeout))
            return super().consume(num_messages, timeout)

    intake_of(Telling({0: []})).take(5_000, 0.002)
    assert {number for number, timeout in asked if timeout > 0} == {AWAITED}
    assert {number for number, timeout in asked if timeout == 0} == {1_000, AWAITED}


def test_each_partition_s_commit_is_its_own(caplog: pytest.LogCaptureFixture) -> None:
    """One is committed, one is another worker's now, one is committed with the next."""
    consumer = FakeConsumer({0: [b"1"], 1: [b"2"], 2: [b"3"]})
    intake = intake_of(consumer)
    intake.take(50, 1.0)
    consumer.partition_errors = {1: KafkaError.ILLEGAL_GENERATION, 2: KafkaError.REQUEST_TIMED_OUT}
    with caplog.at_level(logging.WARNING):
        intake.commit({("t", number): 1 for number in range(3)})
    assert consumer.offsets == {0: 1}
    about = [record.getMessage().partition(":")[0] for record in caplog.records]
    assert about == ["offsets of t/1 not committed", "offsets of t/2 not committed"]
    intake.commit_owed()
    assert consumer.offsets == {0: 1, 2: 1}


def test_an_error_that_is_final_ends_it_wherever_it_stands() -> None:
    """Not only in the answer of the first partition."""
    consumer = FakeConsumer({0: [b"1"], 1: [b"2"]})
    intake = intake_of(consumer)
    intake.take(50, 1.0)
    consumer.partition_errors = {0: KafkaError.REQUEST_TIMED_OUT, 1: KafkaError.GROUP_AUTHORIZATION_FAILED}
    with pytest.raises(BrokerError, match=r"cannot commit the offsets of t/1: .*; is a second process running"):
        intake.commit({("t", 0): 1, ("t", 1): 1})
