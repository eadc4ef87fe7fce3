"""The worker around the sources: what a revoke in the middle of a send may not do."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from faust.types import TP

from callgauge.codec import encode
from callgauge.schema import Call, Score
from callgauge.settings import load_settings
from callgauge_streams.bus.chunk import Chunk
from callgauge_streams.bus.commit_note import CommitNote
from callgauge_streams.bus.records import Records
from callgauge_streams.bus.takeover import Start
from callgauge_streams.rollup.app import RollupWorker
from callgauge_streams.rollup.config import RollupConfig
from callgauge_streams.rollup.source.duplicates import SeenIds
from callgauge_streams.rollup.source.resumption import Resumer
from callgauge_streams.worker.metrics import Metrics
from callgauge_windows.grouping import parse_groupings
from tests.as_sent import read_records

TPS = [TP("llm.calls", 0), TP("llm.calls", 1)]
CALL = encode(Call(event_id="e", ts=1_000.0, service="s"))


class FakeApp:
    """Consumer and producer in one: holds the partitions, keeps what is sent, and revokes or takes over again during a
    send if told."""

    def __init__(self) -> None:
        self.consumer = self.producer = self
        self.logger = logging.getLogger("rollup")
        self.held = dict.fromkeys(TPS, Start(0, CommitNote(term=7)))
        self.idle = False
        self.sent: list[Any] = []
        self.confirmed: list[tuple[TP, int]] = []
        self.noted: list[tuple[TP, int, int, str]] = []
        self.worker: RollupWorker | None = None
        self.revoke_in_send = False
        self.take_over_in_send: dict[TP, Start] = {}
        self.acknowledges = True
        self.unacknowledged: list[asyncio.Future[None]] = []

    def starts(self) -> dict[TP, Start]:
        return dict(self.held)

    def committed(self, tp: TP) -> int:
        return self.held[tp].offset

    def note_counted(self, *note: Any) -> None:
        self.noted.append(note)

    def holds(self, tp: TP, _: Chunk) -> bool:
        return tp in self.held

    def caught_up(self, *_: object, **__: object) -> bool:
        return self.idle

    def confirm(self, tp: TP, offset: int, *_: object) -> None:
        self.confirmed.append((tp, offset))

    async def send(self, topic: str, key: bytes, value: bytes, *_: object) -> asyncio.Future[None]:
        if self.revoke_in_send and self.worker:
            self.worker.forget(list(self.held))
            self.held = {}
        self.held, self.take_over_in_send = self.held | self.take_over_in_send, {}
        self.sent += read_records(value)
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.acknowledges:
            future.set_result(None)
        else:
            self.unacknowledged.append(future)
        return future

    async def acknowledge(self) -> None:
        """All that waits for it, and what follows from that."""
        for future in self.unacknowledged:
            future.set_result(None)
        self.unacknowledged.clear()
        for _ in range(5):
            await asyncio.sleep(0)


def chunk(tp: TP, offset: int, previous: int | None, value: bytes = CALL) -> Chunk:
    return Chunk(tp.partition, 1, 1, 0, previous, offset // 64 * 64, Records.of([offset], [1_000_000], [value]))


class NothingBefore(Resumer):
    """Knows that there is nothing before any start."""

    seen: SeenIds | None = None

    def take_seen(self, tp: TP, start: int) -> SeenIds:
        return self.seen or SeenIds(0, 0)


def worker_of(app: FakeApp, clock: list[float] | None = None, seen: SeenIds | None = None) -> RollupWorker:
    config, metrics, settings = RollupConfig(parse_groupings("@10s"), 64, 2_000), Metrics("rollup"), load_settings()
    resumer = NothingBefore(settings, config, on_loss=metrics.lost)
    resumer.seen = seen
    settings, times = load_settings(windows_partitions=1), clock or [1_000.0]
    app.worker = RollupWorker(app, settings, config, resumer, "c/t", metrics, scores_origin="c/s", now=lambda: times[0])
    return app.worker


def kinds(app: FakeApp) -> list[str]:
    return [record.kind for record in app.sent]


def test_a_revoke_while_idle_sources_are_told_ends_nothing() -> None:
    async def run() -> None:
        app, clock = FakeApp(), [1_000.0]
        worker = worker_of(app, clock)
        for tp in TPS:
            await worker.take(tp, chunk(tp, 0, None))
        await worker.tick()
        app.idle = app.revoke_in_send = True
        clock[0] += 2
        await worker.tick()
        assert {record.source for record in app.sent if record.kind == "row"} == {"c/t/0", "c/t/1"}
        assert [len(record.sources) for record in app.sent if record.kind == "progress"] == [2, 0]
        assert app.noted == []

    asyncio.run(run())


def test_an_id_that_is_used_twice_is_told(caplog: pytest.LogCaptureFixture) -> None:
    """By service, id and offset, once a minute for each source."""

    async def run() -> None:
        app, clock = FakeApp(), [1_000.0]
        worker = worker_of(app, clock, SeenIds(100, 60_000))
        calls = [encode(Call(event_id="e", ts=1_000.0, service="s", name=f"attempt {n}")) for n in range(3)]
        for offset, value in enumerate(calls):
            await worker.take(TPS[0], chunk(TPS[0], offset, offset - 1 if offset else None, value))
        assert caplog.text.count("not counted") == 1
        assert "offset 1: an event of service 's' with id 'e' has the id of another event" in caplog.text

    asyncio.run(run())


def test_a_chunk_of_a_partition_that_was_revoked_while_it_waited_is_left_alone() -> None:
    async def run() -> None:
        app = FakeApp()
        worker = worker_of(app)
        await worker.take(TPS[0], chunk(TPS[0], 0, None))
        worker.forget(TPS)
        app.held = {}
        await worker.take(TPS[0], chunk(TPS[0], 1, 0))  # would break the chain of a new source
        await worker.tick()
        assert kinds(app) == ["epoch", "epoch"]  # of the first take

    asyncio.run(run())


def test_a_block_is_let_go_only_after_its_rows_were_acknowledged() -> None:
    """The agent counts on meanwhile."""

    async def run() -> None:
        app = FakeApp()
        worker = worker_of(app)
        await worker.take(TPS[0], chunk(TPS[0], 63, None))
        app.acknowledges = False
        await worker.take(TPS[0], chunk(TPS[0], 64, 63))
        await worker.take(TPS[0], chunk(TPS[0], 65, 64))
        assert [(r.kind, r.block) for r in app.sent if r.kind != "epoch"] == [("row", 0), ("summary", 0)]
        assert app.confirmed == []
        await app.acknowledge()
        assert app.confirmed == [(TPS[0], 64)]

    asyncio.run(run())


def test_progress_is_told_after_the_rows_it_speaks_of_were_acknowledged() -> None:
    """And of nothing that was counted meanwhile."""

    async def run() -> None:
        app, clock = FakeApp(), [1_000.0]
        worker = worker_of(app, clock)
        await worker.tick()
        await worker.take(TPS[0], chunk(TPS[0], 63, None))
        app.acknowledges = False
        await worker.take(TPS[0], chunk(TPS[0], 64, 63))
        clock[0] += 1
        ticking = asyncio.create_task(worker.tick())
        await asyncio.sleep(0.01)
        await worker.take(TPS[0], chunk(TPS[0], 65, 64))
        assert kinds(app)[-1] != "progress"
        app.acknowledges = True
        await app.acknowledge()
        await ticking
        assert {source.source: source.next_offset for source in app.sent[-1].sources}["c/t/0"] == 65

    asyncio.run(run())


def test_a_start_is_told_before_anything_of_its_source() -> None:
    """Epoch, term and loss of this takeover, to every partition, and confirmed."""

    async def run() -> None:
        app = FakeApp()
        app.held = {TPS[0]: Start(100, CommitNote(term=9, lost_from=40))}
        worker = worker_of(app)
        await worker.tick()
        assert kinds(app) == ["epoch", "progress"]
        told = app.sent[0]
        assert (told.source, told.from_offset, told.term, told.lost_from) == ("c/t/0", 100, 9, 40)
        [source] = app.sent[1].sources
        assert (source.source, source.next_offset, source.committed) == ("c/t/0", 100, 100)

    asyncio.run(run())


def test_a_partition_taken_over_while_another_is_told_is_told_too() -> None:
    """Before its first progress."""

    async def run() -> None:
        app = FakeApp()
        app.held, app.take_over_in_send = {TPS[0]: app.held[TPS[0]]}, {TPS[1]: Start(5, CommitNote(term=8))}
        await worker_of(app).tick()
        assert [(r.source, r.term) for r in app.sent[:2]] == [("c/t/0", 7), ("c/t/1", 8)]
        assert {s.source for s in app.sent[2].sources} == {"c/t/0", "c/t/1"}

    asyncio.run(run())


def test_starts_are_told_again_every_minute_and_after_each_takeover() -> None:
    async def run() -> None:
        app, clock = FakeApp(), [1_000.0]
        worker = worker_of(app, clock)
        for _ in range(130):
            await worker.tick()
            clock[0] += 1
        assert kinds(app).count("epoch") == 3 * len(TPS)
        app.held[TPS[0]] = Start(0, CommitNote(term=8))
        await worker.tick()
        assert app.sent[-2].term == 8

    asyncio.run(run())


def test_a_source_that_goes_idle_is_noted_as_counted() -> None:
    """Once its rows are acknowledged: up to where, and the minute of its open block's first record."""

    async def run() -> None:
        app, clock = FakeApp(), [1_000.0]
        worker = worker_of(app, clock)
        await worker.tick()
        await worker.take(TPS[0], chunk(TPS[0], 0, None))
        clock[0] += 1
        app.idle, app.acknowledges = True, False
        ticking = asyncio.create_task(worker.tick())
        await asyncio.sleep(0.01)
        assert app.noted == []
        app.acknowledges = True
        await app.acknowledge()
        await ticking
        assert app.noted == [(TPS[0], 1, 1_000_000 // 60_000, worker._config.epoch)]
        clock[0] += 2
        await worker.tick()
        assert len(app.noted) == 1

    asyncio.run(run())


def test_scores_are_sources_of_their_own() -> None:
    """Told under their topic's origin, their rows on the partition of their series, progress says what they are."""

    async def run() -> None:
        app = FakeApp()
        scores = TP("llm.scores", 0)
        app.held = {TPS[0]: app.held[TPS[0]], scores: Start(0, CommitNote(term=8))}
        worker = worker_of(app)
        score = encode(Score(score_id="s", ts=1_000.0, name="n", value=0.5, service="s"))
        await worker.take(TPS[0], chunk(TPS[0], 63, None))
        await worker.take(scores, chunk(scores, 63, None, score))
        await worker.take(scores, chunk(scores, 64, 63, score))
        await app.acknowledge()
        assert app.confirmed == [(scores, 64)]
        assert [(r.kind, r.source) for r in app.sent if r.kind == "epoch"] == [("epoch", "c/t/0"), ("epoch", "c/s/0")]
        assert [(r.kind, r.source) for r in app.sent[2:]] == [("score_row", "c/s/0"), ("summary", "c/s/0")]
        await worker.tick()
        progress = app.sent[-1]
        assert {source.source: source.holds for source in progress.sources} == {"c/t/0": "calls", "c/s/0": "scores"}

    asyncio.run(run())
