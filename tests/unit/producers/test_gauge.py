"""A Gauge never waits, never raises, and accounts for every call."""

from __future__ import annotations

import gc
import json
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from callgauge import Call, Gauge, GaugeStats, Settings, load_settings
from callgauge.mending import MENDED
from callgauge.testing import ManualClock, MemoryTransport
from callgauge.transport import Outbound, Report
from callgauge_deploy.process import wait_until
from tests.forked import Child
from tests.quickest import quickest

SETTINGS = load_settings(service="search", environment="test", queue_size=100)


class Raising(MemoryTransport):
    """A transport with a bug."""

    def send(self, message: Outbound) -> bool:
        raise ZeroDivisionError("bug")


class Stuck(MemoryTransport):
    """A transport whose `open` does not come back until it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.let = threading.Event()

    def open(self, report: Report) -> None:
        self.let.wait(60)
        super().open(report)


@contextmanager
def gauge_on(transport: MemoryTransport, settings: Settings = SETTINGS) -> Iterator[Gauge]:
    gauge = Gauge(settings, transport=transport, clock=ManualClock(1_000.0))
    try:
        yield gauge
    finally:
        gauge.close(0.1)


def wait_for(condition: Callable[[], bool], within_s: float = 60.0) -> None:
    until = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < until, "did not happen in time"
        time.sleep(0.002)


def test_fields_are_filled_in() -> None:
    """event_id is a UUIDv7, ts is now less the latency, service and environment are the settings'."""
    transport = MemoryTransport()
    with gauge_on(transport) as gauge:
        event_id = gauge.emit(model="gpt-4o", latency_ms=500.0, input_tokens=7)
        assert gauge.flush(5) == 0
    (call,) = transport.calls
    assert call == Call(
        event_id=event_id,
        ts=999.5,
        service="search",
        environment="test",
        model="gpt-4o",
        latency_ms=500.0,
        input_tokens=7,
    )
    assert event_id[14] == "7"


def test_given_fields_are_kept() -> None:
    """What the host gives is not made anew; a whole Call goes as it is."""
    transport = MemoryTransport()
    whole = Call(event_id="b", ts=2.0, service="other")
    with gauge_on(transport) as gauge:
        assert gauge.emit(event_id="a", ts=1.0, service="mine", environment="") == "a"
        assert gauge.emit(whole) == "b"
        gauge.flush(5)
    assert transport.calls == [Call(event_id="a", ts=1.0, service="mine"), whole]


def test_key_is_the_trace_else_the_event() -> None:
    """Calls of a trace go to one partition."""
    transport = MemoryTransport()
    with gauge_on(transport) as gauge:
        gauge.emit(event_id="a", trace_id="t")
        gauge.emit(event_id="b")
        gauge.flush(5)
    assert [message.key for message in transport.messages] == [b"t", b"b"]


def test_a_bad_description_costs_the_description_not_the_call() -> None:
    """Cut, made text or left out, with the reason beside it; what windows are made of is as it was given."""
    transport = MemoryTransport()
    with gauge_on(transport) as gauge:
        assert gauge.emit(service="s", model="m", status="error", error_message="y" * 2_000, latency_ms=3.0)
        assert gauge.emit(service="s", tags={"shard": 7, "region": "eu"}, trace_id="t" * 300, stream="perhaps")
        assert gauge.flush(5.0) == 0
        assert gauge.stats.invalid == 0
    long, odd = transport.calls
    assert (long.status, long.latency_ms, long.error_message) == ("error", 3.0, "y" * 1_024)
    assert long.tags == {MENDED: "error_message: cut to 1024 characters"}
    assert (odd.trace_id, odd.stream) == ("t" * 256, False)
    mended = "trace_id: cut to 256 characters; stream: neither true nor false"
    assert odd.tags == {"shard": "7", "region": "eu", MENDED: mended}


def test_an_error_type_makes_an_error() -> None:
    """As in `gauge.call`; what the host says of the status counts."""
    transport = MemoryTransport()
    with gauge_on(transport) as gauge:
        gauge.emit(service="s", error_type="rate_limit")
        gauge.emit(service="s", error_type="rate_limit", status="fallback")
        assert gauge.flush(5.0) == 0
    assert [call.status for call in transport.calls] == ["error", "fallback"]


def test_a_log_handler_that_fails_hurts_nobody() -> None:
    """Neither the host nor the delivery: a log shipper may be down together with the bus."""

    class Broken(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise ConnectionError("no log server")

    transport, handler = MemoryTransport(failure="_MSG_TIMED_OUT"), Broken()
    logging.getLogger("callgauge").addHandler(handler)
    try:
        with gauge_on(transport) as gauge:
            assert gauge.emit(service="s", no_such_field=1)
            gauge.emit(["no call"])  # type: ignore[arg-type]
            assert gauge.flush(5.0) == 0
            transport.failure = ""
            assert gauge.emit(service="s", event_id="well again")
            assert gauge.flush(5.0) == 0
            assert (gauge.stats.failed, gauge.stats.delivered, gauge.stats.invalid) == (1, 1, 1)
    finally:
        logging.getLogger("callgauge").removeHandler(handler)
    assert [call.event_id for call in transport.calls] == ["well again"]


def test_invalid_call_is_counted_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """What is no call is not taken; each kind of reason is one line, without the value."""
    with gauge_on(MemoryTransport(), load_settings()) as gauge:
        for _ in range(3):
            assert gauge.emit(model="secret model") == ""
            assert gauge.emit("secret text") == ""  # type: ignore[arg-type]
        assert gauge.stats == GaugeStats(emitted=0, delivered=0, dropped=0, invalid=6, failed=0)
    assert len([record for record in caplog.records if "refused" in record.message]) == 2
    assert "secret" not in caplog.text


def test_all_that_is_emitted_is_accounted_for() -> None:
    """Whatever is given, emitted = delivered + failed + pending, and each emit is in just one of the counts."""
    odd: list[Any] = [{"model": "m"}, [], "text", 7, {7: "x"}, Call(event_id="c", ts=1.0, service="s"), object(), {}]
    transport = MemoryTransport()
    with gauge_on(transport, load_settings(service="s", queue_size=4)) as gauge:
        for thing in odd:
            gauge.emit(thing)
        gauge.emit({"model": "m"}, latency_ms="soon")
        gauge.emit(service=None)
        gauge.flush(5)
        stats = gauge.stats
        assert stats.emitted == stats.delivered + stats.failed + gauge.flush(0)
        assert stats.emitted + stats.dropped + stats.invalid == len(odd) + 2
        assert stats.invalid == 4
    assert [call.model for call in transport.calls][:1] == ["m"]


def test_missing_service_says_what_to_do(caplog: pytest.LogCaptureFixture) -> None:
    """Without a service the log names the variable to set."""
    with gauge_on(MemoryTransport(), load_settings()) as gauge:
        assert gauge.emit(model="m") == ""
    assert "CALLGAUGE_SERVICE" in caplog.text


def test_unknown_field_is_ignored_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    """A misspelt field costs a line in the log, not the call."""
    with gauge_on(MemoryTransport()) as gauge:
        assert gauge.emit(modle="m")
        assert gauge.emit(modle="m")
    assert caplog.text.count("modle") == 1


@pytest.mark.parametrize(
    "transport",
    [MemoryTransport(delay_s=0.05), MemoryTransport(full=True), MemoryTransport(unusable=True), Raising(), Stuck()],
    ids=["slow", "full", "unusable", "raising", "stuck"],
)
def test_emit_never_waits_nor_raises(transport: MemoryTransport, caplog: pytest.LogCaptureFixture) -> None:
    """Ten times more calls than the queue holds, on a transport that is no good: no exception, no wait, all counted."""
    caplog.set_level(logging.ERROR)
    with gauge_on(transport) as gauge:
        gauge.emit(model="m")
        took_s = sorted(_seconds(lambda: gauge.emit(model="m")) for _ in range(1_000))
        stats = gauge.stats
        assert stats.emitted + stats.dropped == 1_001
        assert stats.invalid == 0
        assert took_s[900] < 0.005  # the slow one takes 0.05; a busy machine holds up a few of them
        assert sum(took_s) < 20.0  # to wait for the slow one each time takes 50, once for the stuck one 60
        if isinstance(transport, Stuck):
            transport.let.set()


def _seconds(act: Callable[[], object]) -> float:
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def test_queue_is_bounded_and_drops_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    """While the bus takes nothing, queue_size calls wait; the rest is dropped, with one line; none of it is lost later.

    taken      #### ... 100 wait
    dropped         x x x ... 50
    """
    transport = MemoryTransport(full=True)
    with gauge_on(transport) as gauge:
        ids = [gauge.emit(event_id=f"e{i}") for i in range(150)]
        assert gauge.stats == GaugeStats(emitted=100, delivered=0, dropped=50, invalid=0, failed=0)
        assert ids[100:] == [""] * 50
        assert gauge.flush(0.05) == 100
        transport.full = False
        assert gauge.flush(5) == 0
    assert [call.event_id for call in transport.calls] == ids[:100]
    assert caplog.text.count("was dropped") == 1


def test_failed_deliveries_are_counted(caplog: pytest.LogCaptureFixture) -> None:
    """What the broker refuses is failed, logged once per reason, and waits no more."""
    transport = MemoryTransport(failure="TOPIC_AUTHORIZATION_FAILED")
    with gauge_on(transport) as gauge:
        for _ in range(5):
            gauge.emit()
        assert gauge.flush(5) == 0
        assert gauge.stats == GaugeStats(emitted=5, delivered=0, dropped=0, invalid=0, failed=5)
    assert caplog.text.count("a call was not delivered: TOPIC_AUTHORIZATION_FAILED") == 1


def test_unusable_transport_is_opened_again() -> None:
    """After BrokerError the call is kept, the transport closed and opened again."""
    transport = MemoryTransport(unusable=True)
    with gauge_on(transport) as gauge:
        event_id = gauge.emit()
        wait_for(lambda: transport.closed > 0)
        transport.unusable = False
        assert gauge.flush(5) == 0
    assert [call.event_id for call in transport.calls] == [event_id]


def test_one_bad_call_does_not_hold_up_the_others(caplog: pytest.LogCaptureFixture) -> None:
    """A call that cannot even be encoded fails alone."""

    class Unwritable(Call):
        def model_dump_json(self, **options: object) -> str:
            raise TypeError("a bug of the host's")

    transport = MemoryTransport()
    with gauge_on(transport) as gauge:
        gauge.emit(Unwritable(event_id="e", ts=1.0, service="s"))
        good = gauge.emit()
        assert gauge.flush(5) == 0
        assert gauge.stats.failed == 1
    assert [call.event_id for call in transport.calls] == [good]
    assert "could not be encoded" in caplog.text


def test_threads_share_a_gauge() -> None:
    """Eight threads emit, nothing is lost or counted twice."""
    transport = MemoryTransport()
    with gauge_on(transport, load_settings(service="s", queue_size=10_000)) as gauge:
        threads = [threading.Thread(target=lambda: [gauge.emit() for _ in range(500)]) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert gauge.flush(10) == 0
        assert gauge.stats == GaugeStats(emitted=4_000, delivered=4_000, dropped=0, invalid=0, failed=0)
    assert len({message.key for message in transport.messages}) == 4_000


def test_close_delivers_then_takes_no_more() -> None:
    """Leaving the `with` delivers all; a later emit is dropped."""
    transport = MemoryTransport(delay_s=0.001)
    with Gauge(SETTINGS, transport=transport) as gauge:
        for _ in range(50):
            gauge.emit()
    assert len(transport.messages) == 50
    assert transport.closed == 1
    assert gauge.emit() == ""
    assert gauge.stats.dropped == 1
    assert gauge.close() == 0


def test_close_is_bounded() -> None:
    """A bus that takes nothing holds up close for its timeout only; close says how many calls that cost."""

    def closed_s() -> float:
        gauge = Gauge(SETTINGS, transport=MemoryTransport(full=True))
        for _ in range(7):
            gauge.emit()
        start = time.monotonic()
        assert gauge.close(0.1) == 7
        return time.monotonic() - start

    assert quickest(closed_s, 1.5) < 1.5


def test_forgotten_gauge_delivers_and_ends_its_thread() -> None:
    """A Gauge that goes out of scope unclosed loses nothing and leaves no thread behind."""
    transport = MemoryTransport()
    Gauge(SETTINGS, transport=transport).emit()
    gc.collect()
    wait_for(lambda: transport.closed == 1)
    assert len(transport.messages) == 1


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_fork_delivers_each_call_once() -> None:
    """Parent and child deliver their own calls, neither the other's, even those queued at the fork.

    parent  a --+-- c       delivers a, c
                |
    child       +-- b       delivers b
    """
    transport = MemoryTransport(full=True)
    with gauge_on(transport) as gauge:
        gauge.emit(event_id="a")
        wait_for(lambda: transport.opened == 1)

        def deliver() -> str:
            transport.full = False
            before = gauge.stats.emitted
            gauge.emit(event_id="b")
            left = gauge.flush(30)
            return json.dumps([before, left, [call.event_id for call in transport.calls]])

        child = Child(deliver)
        gauge.emit(event_id="c")
        transport.full = False
        assert gauge.flush(30) == 0
        assert json.loads(child.result()) == [0, 0, ["b"]]
        assert [call.event_id for call in transport.calls] == ["a", "c"]


AT_EXIT = """
import sys, time
from callgauge import Gauge, load_settings
from callgauge.testing import MemoryTransport

class Printing(MemoryTransport):
    def close(self, timeout_s):
        print(len(self.messages), flush=True)

gauge = Gauge(load_settings(service="s"), transport=Printing(delay_s=0.001, full=sys.argv[1] == "full"))
for _ in range(100):
    gauge.emit()
print(time.monotonic(), flush=True)
"""


@pytest.mark.parametrize(("bus", "delivered", "at_most_s"), [("good", "100", 4.0), ("full", "0", 9.0)])
def test_end_of_process_delivers_within_a_bound(bus: str, delivered: str, at_most_s: float) -> None:
    """A process that just ends delivers what is queued; a bus that takes nothing holds it up for five seconds only."""

    def ended_s() -> float:
        ended = subprocess.run([sys.executable, "-c", AT_EXIT, bus], capture_output=True, text=True, check=True)
        last_line_at, found = ended.stdout.split()
        assert found == delivered
        return time.monotonic() - float(last_line_at)

    assert quickest(ended_s, at_most_s) < at_most_s


def test_what_comes_back_from_a_connection_beyond_use_is_sent_over_the_next() -> None:
    """In order, before what came later; a call is shown to observers once."""
    transport = MemoryTransport()
    transport.away = True
    with Gauge(load_settings(service="s"), transport=transport) as gauge:
        gauge.emit(event_id="a")
        gauge.emit(event_id="b")
        assert wait_until(lambda: sum(message.kind == "calls" for message in list(transport._held)) == 2, 60)
        transport.unusable = True
        gauge.emit(event_id="c")
        assert wait_until(lambda: transport.closed > 0, 60)
        transport.away = transport.unusable = False
        assert gauge.flush(20) == 0
        assert [call.event_id for call in transport.calls] == ["a", "b", "c"]
        assert (gauge.stats.delivered, gauge.stats.failed) == (3, 0)
