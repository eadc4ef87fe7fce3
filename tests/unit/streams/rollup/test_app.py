"""The worker around the sources: what a revoke in the middle of a send may not do."""

from __future__ import annotations

import asyncio
from typing import Any

from faust.types import TP

from callgauge.codec import decode_window_record, encode
from callgauge.schema import Call
from callgauge.settings import load_settings
from callgauge_streams.chunk import Chunk
from callgauge_streams.rollup.app import RollupWorker
from callgauge_streams.rollup.grouping import parse_groupings
from callgauge_streams.rollup.source import RollupConfig

TPS = [TP("llm.calls", 0), TP("llm.calls", 1)]
CALL = encode(Call(event_id="e", ts=1_000.0, service="s"))


class FakeApp:
    """Consumer and producer in one: holds the partitions, keeps what is sent, and revokes during a send if told."""

    def __init__(self) -> None:
        self.consumer = self.producer = self
        self.held = dict.fromkeys(TPS, 0)
        self.idle = False
        self.sent: list[Any] = []
        self.confirmed: list[tuple[TP, int]] = []
        self.worker: RollupWorker | None = None
        self.revoke_in_send = False

    def starts(self) -> dict[TP, int]:
        return self.held

    def holds(self, tp: TP, _: Chunk) -> bool:
        return tp in self.held

    def caught_up(self, *_: object, **__: object) -> bool:
        return self.idle

    def confirm(self, tp: TP, offset: int, _: int) -> None:
        self.confirmed.append((tp, offset))

    async def send(self, topic: str, key: bytes, value: bytes, *_: object) -> asyncio.Future[None]:
        if self.revoke_in_send and self.worker:
            self.worker.forget(list(self.held))
            self.held = {}
        self.sent.append(decode_window_record(value))
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        future.set_result(None)
        return future


def chunk(tp: TP, offset: int, previous: int | None) -> Chunk:
    return Chunk(tp.partition, 1, 1, 0, previous, offset // 64 * 64, [offset], [1_000_000], [CALL])


def worker_of(app: FakeApp) -> RollupWorker:
    config = RollupConfig(parse_groupings("@10s"), 64, 2_000)
    app.worker = RollupWorker(app, load_settings(windows_partitions=1), config, "c/t", now=lambda: 1_000.0)
    return app.worker


def test_a_revoke_while_idle_sources_are_told_ends_nothing() -> None:
    async def run() -> None:
        app = FakeApp()
        worker = worker_of(app)
        for tp in TPS:
            await worker.take(tp, chunk(tp, 0, None))
        app.idle = app.revoke_in_send = True
        await worker.tick()
        assert {record.source for record in app.sent if record.kind == "row"} == {"c/t/0", "c/t/1"}
        assert [record.sources for record in app.sent if record.kind == "progress"] == [[]]

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
        assert app.sent == []

    asyncio.run(run())


def test_a_block_is_let_go_only_after_its_rows_were_sent() -> None:
    async def run() -> None:
        app = FakeApp()
        worker = worker_of(app)
        await worker.take(TPS[0], chunk(TPS[0], 63, None))
        assert app.confirmed == []
        await worker.take(TPS[0], chunk(TPS[0], 64, 63))
        assert app.confirmed == [(TPS[0], 64)]
        assert [(r.kind, r.block) for r in app.sent] == [("row", 0), ("summary", 0)]

    asyncio.run(run())
