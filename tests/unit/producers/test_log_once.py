"""What repeats is one line in the host's log."""

from __future__ import annotations

import logging
import socket

import pytest

from callgauge.log_once import LibrdkafkaLog, LogOnce
from callgauge.settings import load_settings
from callgauge.testing import ManualClock
from callgauge.transport import KafkaTransport, Outbound

LOGGER = logging.getLogger("test.log_once")


def test_a_kind_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    """Further ones are counted."""
    once = LogOnce(LOGGER)
    for number in range(3):
        once.warn("full", "%d wait", number)
    once.warn("closed", "closed")
    assert [record.getMessage() for record in caplog.records] == [
        "0 wait (further ones are only counted)",
        "closed (further ones are only counted)",
    ]
    assert once.counts == {"full": 3, "closed": 1}


def test_kinds_are_bounded(caplog: pytest.LogCaptureFixture) -> None:
    """A kind made of what users send does not fill the memory."""
    once = LogOnce(LOGGER, most_kinds=2)
    for number in range(5):
        once.warn(str(number), "x")
    assert len(caplog.records) == len(once.counts) == 2


def test_after_a_while_it_is_said_again(caplog: pytest.LogCaptureFixture) -> None:
    """In a process that runs for months, the next outage is told too."""
    clock = ManualClock()
    once = LogOnce(LOGGER, again_after_s=60.0, clock=clock)
    for _ in range(4):
        once.warn("down", "down")
        clock.advance(30.0)
    assert [record.getMessage() for record in caplog.records] == ["down (further ones within 60 s are not logged)"] * 2


def test_what_is_below_a_warning_goes_through(caplog: pytest.LogCaptureFixture) -> None:
    """The host's own levels decide on it."""
    with caplog.at_level(logging.DEBUG):
        for _ in range(2):
            LibrdkafkaLog().log(logging.DEBUG, "%s [%s] %s", "SEND", "rdkafka#producer-1", "sent")
    assert [record.levelno for record in caplog.records] == [logging.DEBUG] * 2


def test_a_broker_that_is_down_does_not_flood_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """However often librdkafka tries to connect, the log has one warning for each kind of failure."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # not listening: connections are refused
        port = taken.getsockname()[1]
        transport = KafkaTransport(
            load_settings(bootstrap_servers=f"127.0.0.1:{port}"),
            {"reconnect.backoff.ms": 20, "reconnect.backoff.max.ms": 20},
        )
        transport.open(lambda *_: None)
        counts = transport._log.counts
        transport.send(Outbound("calls", b"k", b"v"))
        for _ in range(600):
            transport.poll(0.05)
            if counts["FAIL"] >= 10:
                break
        transport.close(0)
    assert counts["FAIL"] >= 10
    assert {record.levelname for record in caplog.records} == {"WARNING"}
    assert len(caplog.records) == len(counts)
    assert "Connection refused" in caplog.text
