"""The gateway's end of the bus, without a broker: what it says, and when it gives up."""

from __future__ import annotations

import asyncio

import pytest
from confluent_kafka import KafkaError

from callgauge.errors import BrokerError
from callgauge.settings import load_settings
from callgauge_gateway.batch import Record
from callgauge_gateway.bus import Bus
from callgauge_gateway.sending import Sending

NOWHERE = load_settings(bootstrap_servers="127.0.0.1:1", gateway_ack_s=0.1)
RECORDS = [Record("t", b"k", b"%d" % n, n) for n in range(3)]


class Message:
    """What librdkafka reports of."""

    def __init__(self, value: bytes) -> None:
        self._value = value

    def value(self) -> bytes:
        return self._value


def reported(*errors: int | None) -> Sending:
    """Three messages, and what became of each."""
    done: list[bool] = []
    sending = Sending(RECORDS, lambda: done.append(True))
    for record, error in zip(RECORDS, errors, strict=True):
        assert not done
        sending._report(None if error is None else KafkaError(error), Message(record.value))  # type: ignore[arg-type]
    assert done == [True]
    return sending


def test_what_the_broker_will_never_take_is_named_by_its_place() -> None:
    """The others are on the bus."""
    assert reported(None, KafkaError.MSG_SIZE_TOO_LARGE, None).faults().keys() == {1}
    assert reported(None, None, None).faults() == {}


def test_a_fault_of_the_broker_is_that_of_all() -> None:
    """All are to be sent again."""
    with pytest.raises(BrokerError, match="did not confirm 2 of 3"):
        reported(None, KafkaError.MSG_SIZE_TOO_LARGE, KafkaError._MSG_TIMED_OUT).faults()


def test_without_a_broker_nothing_is_confirmed() -> None:
    """In time; then nothing is under way any more."""
    bus = Bus(NOWHERE)
    with pytest.raises(BrokerError, match="did not confirm 3 of 3"):
        asyncio.run(bus.send(RECORDS))
    assert bus.in_flight == 0
    assert asyncio.run(bus.send([])) == {}
    with pytest.raises(BrokerError, match="no answer from the bus"):
        bus.check(0.1)


def test_who_hangs_up_leaves_nothing_behind() -> None:
    """What was handed over goes its way, and is counted until its fate is known."""

    async def run() -> tuple[int, int]:
        bus = Bus(NOWHERE)
        task = asyncio.create_task(bus.send(RECORDS))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        during = bus.in_flight
        while bus.in_flight:  # noqa: ASYNC110 (nothing tells of it)
            await asyncio.sleep(0.01)
        return during, bus.in_flight

    assert asyncio.run(run()) == (3, 0)


def test_a_producer_that_ended_for_good_ends_the_process() -> None:
    """It is told once, and no more is taken; an error that passes is not one."""
    told: list[bool] = []
    bus = Bus(NOWHERE, lambda: told.append(True))
    bus._on_error(KafkaError(KafkaError._ALL_BROKERS_DOWN))
    assert not told
    for _ in range(2):
        bus._on_error(KafkaError(KafkaError._FATAL, "fenced", fatal=True))
    assert told == [True]
    with pytest.raises(BrokerError, match="fenced"):
        asyncio.run(bus.send(RECORDS))
