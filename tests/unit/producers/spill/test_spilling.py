"""A Gauge whose broker goes away: what does not fit into memory waits on disk, and arrives in order."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from callgauge import Gauge, Settings, load_settings
from callgauge.spill.folder import SEGMENT_BYTES
from callgauge.testing import MemoryTransport
from callgauge.transport import Outbound
from tests.forked import Child


def settings_of(folder: Path, **more: object) -> Settings:
    values: dict[str, object] = {"service": "s", "queue_size": 40, "spill_dir": folder, "gauge_heartbeat_s": 0.0}
    return load_settings(**values | more)


def wait_for(condition: Callable[[], bool], within_s: float = 60.0) -> None:
    until = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < until, "did not happen in time"
        time.sleep(0.002)


def ids_on(transport: MemoryTransport) -> list[str]:
    return [call.event_id for call in transport.calls]


def emit_all(gauge: Gauge, ids: list[str]) -> None:
    """Emit as fast as the disk takes it: a queue of 40 must not be filled while its thread writes."""
    for event_id in ids:
        wait_for(lambda event_id=event_id: gauge.emit(event_id=event_id) == event_id)  # type: ignore[misc]


IDS = [f"e{number:04d}" for number in range(2_000)]


@pytest.mark.parametrize("gone", ["full", "away"])
def test_nothing_is_lost_while_the_broker_is_away(tmp_path: Path, gone: str) -> None:
    """Fifty times more calls than the queue holds, and all arrive when it is back, each once, in order."""
    transport = MemoryTransport()
    with Gauge(settings_of(tmp_path), transport=transport) as gauge:
        emit_all(gauge, IDS[:100])
        assert gauge.flush(5) == 0
        setattr(transport, gone, True)
        emit_all(gauge, IDS[100:])
        stats = gauge.stats
        assert stats.spilled >= len(IDS) - 100 - 40
        assert stats.emitted == len(IDS)
        assert gauge.flush(0.01) == len(IDS) - 100
        setattr(transport, gone, False)
        assert gauge.flush(10) == 0
        stats = gauge.stats
        assert stats.emitted == stats.delivered + stats.spilled
        assert (stats.replayed, stats.failed, stats.replay_failed, stats.on_disk) == (stats.spilled, 0, 0, 0)
    assert ids_on(transport) == IDS
    assert not list(tmp_path.iterdir())


def test_new_calls_wait_behind_what_is_on_disk(tmp_path: Path) -> None:
    """While a file is sent again, and while the broker goes away a second time in the middle of that."""
    transport = MemoryTransport()
    with Gauge(settings_of(tmp_path), transport=transport) as gauge:
        transport.full = True
        emit_all(gauge, IDS[:1_000])
        transport.away, transport.full = True, False
        emit_all(gauge, IDS[1_000:1_500])
        transport.away = False
        emit_all(gauge, IDS[1_500:])
        assert gauge.flush(10) == 0
    assert ids_on(transport) == IDS


def test_a_file_that_came_back_is_sent_again(tmp_path: Path) -> None:
    """Messages that time out are not lost, and those of a file all come again, with the same ids."""

    class Counting(MemoryTransport):
        sent = 0

        def send(self, message: Outbound) -> bool:
            self.sent += not self.full
            return super().send(message)

    transport = Counting(full=True)
    with Gauge(settings_of(tmp_path), transport=transport) as gauge:
        emit_all(gauge, IDS[:100])
        transport.failure, transport.full = "_MSG_TIMED_OUT", False
        wait_for(lambda: transport.sent >= 100)
        assert gauge.stats.failed == 0
        transport.failure = ""
        assert gauge.flush(10) == 0
    assert sorted(set(ids_on(transport))) == IDS[:100]


def test_what_the_broker_refuses_is_lost(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It would be refused for ever; it is counted and told, and holds up nothing."""
    transport = MemoryTransport(full=True)
    with Gauge(settings_of(tmp_path), transport=transport) as gauge:
        emit_all(gauge, IDS[:100])
        wait_for(lambda: gauge.stats.spilled >= 60)
        transport.failure, transport.full = "TOPIC_AUTHORIZATION_FAILED", False
        assert gauge.flush(10) == 0
        stats = gauge.stats
        assert stats.failed + stats.replay_failed == 100
        transport.failure = ""
        gauge.emit(event_id="after")
        assert gauge.flush(10) == 0
    assert ids_on(transport) == ["after"]
    assert caplog.text.count("TOPIC_AUTHORIZATION_FAILED") == 1


def test_the_limit_holds_and_drops_are_counted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A full folder: memory and disk stay bounded, what comes then is dropped and told, the rest arrives."""
    transport = MemoryTransport(full=True)
    with Gauge(settings_of(tmp_path, spill_mb=1, queue_size=1_000), transport=transport) as gauge:
        long, taken = "x" * 1_000, 0
        while "the spill folder is full" not in caplog.text or gauge.stats.dropped < 10:
            if gauge.emit(event_id=f"e{taken:05d}", tags={"long": long}):
                taken += 1
            else:
                time.sleep(0.001)
            assert taken < 10_000, "the folder is never full"
        assert sum(path.stat().st_size for path in tmp_path.glob("*.spill")) <= SEGMENT_BYTES
        assert taken > 1_000
        transport.full = False
        assert gauge.flush(10) == 0
        assert gauge.stats.emitted == taken
    assert ids_on(transport) == [f"e{number:05d}" for number in range(taken)]
    assert caplog.text.count("the spill folder is full") == 1


@pytest.mark.parametrize("place", ["file", "file/folder", "/proc/callgauge", "locked"])
def test_a_folder_that_cannot_be_used(tmp_path: Path, caplog: pytest.LogCaptureFixture, place: str) -> None:
    """Is told once, at the start, before there is a call or an outage; then it is as without one."""
    (tmp_path / "file").write_text("")
    (tmp_path / "locked").mkdir(mode=0o500)
    if place == "locked" and os.access(tmp_path / "locked", os.W_OK):
        pytest.skip("root may write everywhere")
    transport = MemoryTransport()
    with Gauge(settings_of(tmp_path / place), transport=transport) as gauge:
        wait_for(lambda: "CALLGAUGE_SPILL_DIR" in caplog.text)
        transport.full = True
        ids = [gauge.emit(event_id=event_id) for event_id in IDS[:50]]
        assert gauge.stats.dropped == 10
        transport.full = False
        assert gauge.flush(5) == 0
    assert ids_on(transport) == ids[:40]
    assert caplog.text.count("CALLGAUGE_SPILL_DIR") == 1


@pytest.mark.parametrize("gone", ["full", "away"])
def test_what_is_not_delivered_at_the_end_is_kept(tmp_path: Path, gone: str) -> None:
    """`close` writes all of it to disk, in order; the next process sends it before its own, without being asked."""
    transport = MemoryTransport()
    setattr(transport, gone, True)
    gauge = Gauge(settings_of(tmp_path), transport=transport)
    emit_all(gauge, IDS[:200])
    assert gauge.close(0.1) == 0
    assert gauge.stats.spilled == 200
    after = MemoryTransport()
    with Gauge(settings_of(tmp_path), transport=after) as restarted:
        wait_for(lambda: restarted.stats.replayed == 200)
        restarted.emit(event_id="new")
        assert restarted.flush(5) == 0
    assert ids_on(after) == [*IDS[:200], "new"]
    assert not list(tmp_path.iterdir())


HOST = """
import sys, time
from pathlib import Path
from callgauge import Gauge, load_settings
from callgauge.testing import MemoryTransport
from callgauge.transport import Outbound

settings = load_settings(service="s", queue_size=40, spill_dir=Path(sys.argv[1]), gauge_heartbeat_s=0.0)
gauge = Gauge(settings, transport=MemoryTransport(full=True))
for number in range(500):
    while not gauge.emit(event_id=f"{sys.argv[2]}{number:04d}"):
        time.sleep(0.001)
while gauge.stats.spilled < 460:
    time.sleep(0.001)
print("full", flush=True)
time.sleep(60)
"""


def test_killed_hosts_that_share_a_folder(tmp_path: Path) -> None:
    """Two are killed with -9, one of them in the middle of a line: all that was on disk arrives once, each host's in
    order."""
    hosts = [
        subprocess.Popen([sys.executable, "-c", HOST, str(tmp_path), name], stdout=subprocess.PIPE, text=True)
        for name in ("a", "b")
    ]
    try:
        for host in hosts:
            assert host.stdout is not None
            assert host.stdout.readline() == "full\n"
        before = MemoryTransport()
        with Gauge(settings_of(tmp_path), transport=before) as living:
            living.emit(event_id="living")
            assert living.flush(5) == 0
        assert ids_on(before) == ["living"]  # what belongs to the living is left alone
    finally:
        for host in hosts:
            host.kill()
            host.communicate()
    torn = sorted(tmp_path.glob("*.spill"))[-1]
    torn.write_bytes(torn.read_bytes()[:-10])
    transport = MemoryTransport()
    with Gauge(settings_of(tmp_path), transport=transport) as gauge:
        wait_for(lambda: not list(tmp_path.glob("*.spill")))
        stats = gauge.stats
    ids = ids_on(transport)
    for name in ("a", "b"):
        mine = [event_id for event_id in ids if event_id.startswith(name)]
        assert mine == [f"{name}{number:04d}" for number in range(len(mine))]
        assert len(mine) >= 459
    assert (stats.replayed, stats.replay_failed) == (len(ids), 1)


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_keeps_its_own(tmp_path: Path) -> None:
    """It neither sends nor removes what its parent wrote; both arrive once."""
    transport = MemoryTransport(full=True)
    with Gauge(settings_of(tmp_path), transport=transport) as gauge:
        emit_all(gauge, IDS[:100])
        wait_for(lambda: gauge.stats.spilled >= 60)

        def deliver() -> str:
            transport.full = False
            emit_all(gauge, ["child"])
            left = gauge.flush(30)
            return ",".join([str(left), *ids_on(transport)])

        assert Child(deliver).result() == "0,child"
        transport.full = False
        assert gauge.flush(30) == 0
    assert ids_on(transport) == IDS[:100]


def test_memory_is_bounded_however_long_it_lasts(tmp_path: Path) -> None:
    """With and without a folder, no more than `queue_size` calls are ever held."""
    for folder in (None, tmp_path):
        transport = MemoryTransport()
        transport.away = True
        settings = load_settings(service="s", queue_size=40, spill_dir=folder, spill_mb=1, gauge_heartbeat_s=0.001)
        gauge = Gauge(settings, transport=transport)
        for _ in range(10_000):
            gauge.emit(model="m", tags={"long": "x" * 400})
            assert len(gauge._delivery._queue) + len(transport._held) <= 40 + 1  # and one heartbeat
        stats = gauge.stats
        assert stats.dropped > 0
        assert stats.emitted + stats.dropped == 10_000
        gauge.close(0)
