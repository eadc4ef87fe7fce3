"""Heartbeats: a process tells that it lives, and what became of its calls; nothing of it counts as a call."""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable

import pytest

from callgauge import Gauge, load_settings
from callgauge.heartbeats import Heart, sdk_version
from callgauge.log_once import LogOnce
from callgauge.outgoing import Outgoing
from callgauge.schema import Heartbeat
from callgauge.sending import Sender
from callgauge.testing import ManualClock, MemoryTransport
from callgauge.transport import Outbound
from tests.forked import Child


def wait_for(condition: Callable[[], bool], within_s: float = 60.0) -> None:
    until = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < until, "did not happen in time"
        time.sleep(0.002)


def gauge_on(transport: MemoryTransport, interval_s: float = 0.01) -> Gauge:
    settings = load_settings(service="search", environment="prod", gauge_heartbeat_s=interval_s, queue_size=5)
    return Gauge(settings, transport=transport)


def test_a_service_without_calls_is_alive() -> None:
    """It is told from the start, without a call; the last one says that the Gauge was closed."""
    transport = MemoryTransport()
    with gauge_on(transport):
        wait_for(lambda: len(transport.heartbeats) >= 3)
    beats = transport.heartbeats
    assert [beat.closed for beat in beats] == [False] * (len(beats) - 1) + [True]
    assert len({(beat.instance, beat.started_at) for beat in beats}) == 1
    assert [beat.ts for beat in beats] == sorted(beat.ts for beat in beats)
    first = beats[0]
    assert (first.service, first.environment, first.process_id) == ("search", "prod", os.getpid())
    assert (first.sdk, first.interval_s, first.emitted) == (sdk_version(), 0.01, 0)
    assert not transport.calls
    assert not transport.messages


def test_it_counts_what_became_of_calls() -> None:
    """Calls and judgements, but never heartbeats."""
    transport = MemoryTransport()
    with gauge_on(transport) as gauge:
        gauge.emit(model="m")
        gauge.score("s", 1)
        gauge.score("s", 1, "no ref")
        assert gauge.flush(5) == 0
        transport.failure = "TOPIC_AUTHORIZATION_FAILED"
        gauge.emit(model="m")
        wait_for(lambda: gauge.stats.failed == 1)
        transport.full = True
        for _ in range(7):
            gauge.emit(model="m")
        transport.failure, transport.full = "", False
        assert gauge.flush(5) == 0
        assert gauge.stats.emitted == 8
    last = transport.heartbeats[-1]
    assert (last.emitted, last.delivered, last.failed, last.dropped, last.invalid) == (8, 7, 1, 2, 1)
    assert (last.waiting, last.on_disk, last.spilled) == (0, 0, 0)


def test_none_pile_up_while_the_broker_is_away() -> None:
    """At most one waits; when the broker is back the next ones come."""

    class Counting(MemoryTransport):
        polls = 0

        def poll(self, timeout_s: float) -> None:
            self.polls += 1
            super().poll(timeout_s)

    transport = Counting()
    transport.away = True
    with gauge_on(transport, 0.001):
        wait_for(lambda: transport.polls >= 30)
        assert len(transport._held) == 1
        transport.away = False
        wait_for(lambda: len(transport.heartbeats) >= 3)


def test_a_heartbeat_that_fails_costs_no_call(caplog: pytest.LogCaptureFixture) -> None:
    """As where the topic is missing: it is told once, and calls go on."""

    class NoTopic(MemoryTransport):
        def send(self, message: Outbound) -> bool:
            if message.kind == "heartbeats":
                self._report(message.kind, "_UNKNOWN_TOPIC", message)
                return True
            return super().send(message)

    class Broken(MemoryTransport):
        def send(self, message: Outbound) -> bool:
            if message.kind == "heartbeats":
                raise ZeroDivisionError
            return super().send(message)

    for transport in (NoTopic(), Broken()):
        with gauge_on(transport, 0.001) as gauge:
            for number in range(5):
                gauge.emit(event_id=str(number))
                assert gauge.flush(5) == 0
            assert gauge.stats.failed == 0
        assert len(transport.calls) == 5
    assert caplog.text.count("_UNKNOWN_TOPIC") == caplog.text.count("ZeroDivisionError") == 1


def test_no_heartbeats_where_none_are_wanted() -> None:
    """And then no thread either before the first call."""
    transport = MemoryTransport()
    with gauge_on(transport, 0.0) as gauge:
        assert transport.opened == 0
        gauge.emit(model="m")
        assert gauge.flush(5) == 0
    assert not transport.heartbeats


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_is_another_instance() -> None:
    """From its first call on, with counts of its own."""
    transport = MemoryTransport()
    with gauge_on(transport) as gauge:
        gauge.emit(model="m")
        wait_for(lambda: any(beat.emitted for beat in transport.heartbeats))

        def beat_of_child() -> str:
            gauge.score("s", 1)
            wait_for(lambda: any(beat.emitted for beat in transport.heartbeats), 30)
            beat = transport.heartbeats[-1]
            return f"{beat.instance} {beat.process_id} {beat.emitted}"

        child = Child(beat_of_child)
        instance, process_id, emitted = child.result().split()
    assert (int(process_id), int(emitted)) == (child.pid, 1)
    assert instance != transport.heartbeats[0].instance


def test_when_one_is_due() -> None:
    """At once, then every so many seconds; not while the one before is under way, and not if it was not taken.

    timer   0    9   10   20   30
    sent    x    -   x    -    x     (at 20 the one of 10 is still under way)
    """
    timer, sent = ManualClock(0.0), list[Heartbeat]()
    heart = Heart(10.0, "s", "", clock=ManualClock(5.0), timer=timer)

    def send(message: Outbound) -> bool:
        sent.append(Heartbeat.model_validate_json(message.value))
        return True

    heart.beat_if_due(send, {"emitted": 1})
    heart.settled(None)
    counts = []
    for step in (9.0, 1.0, 10.0, 10.0):
        timer.advance(step)
        heart.beat_if_due(send, {"emitted": 2})
        counts.append(len(sent))
        if timer.now == 20.0:
            heart.settled("_MSG_TIMED_OUT")
    assert counts == [1, 2, 2, 3]
    assert heart.was_delivered
    heart.settled(None)
    heart.beat(lambda message: False, {})
    assert not heart.is_under_way


@pytest.mark.parametrize(("delivered", "told"), [(1, [False, True]), (0, [])])
def test_a_process_that_lives_for_a_moment_ends_closed(delivered: int, told: list[bool]) -> None:
    """Its first heartbeat is still under way when it ends, but the broker has taken its calls: it is waited for. From a
    broker that has never answered nothing is waited for."""

    class Slow(MemoryTransport):
        def poll(self, timeout_s: float) -> None:
            self.away = False
            super().poll(0)

    transport = Slow()
    transport.away = True
    heart = Heart(10.0, "s", "")
    log = LogOnce(logging.getLogger("test.heartbeats"))
    sender = Sender(transport, Outgoing({}), 10, log, heart, None, None, lambda: False, lambda: None)
    sender.open()
    assert sender.send()
    sender.counts.delivered = delivered
    assert heart.is_under_way
    sender.finish()
    assert [beat.closed for beat in transport.heartbeats] == told
