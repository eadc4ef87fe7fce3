"""Rows made straight from columns are those that rollup makes of the same calls' bytes."""

from __future__ import annotations

from typing import Any

from callgauge_load.incidents.spec import incident_of
from callgauge_load.made.messages import QUALITY, call_messages, judged
from callgauge_load.made.world import World, make_world
from callgauge_load.made_load import MadeLoad, Play
from callgauge_streams.bus.chunk import Chunk
from callgauge_streams.bus.records import Records
from callgauge_streams.rollup.config import RollupConfig
from callgauge_streams.rollup.source.state_machine import SourceRollup
from callgauge_windows.grouping import parse_groupings
from tests.as_sent import as_sent
from tests.bench.detection.made_rows import SOURCE, rows_of

CONFIG = RollupConfig(
    parse_groupings("@10s service@10s service,feature,provider,model@60s service,model,prompt_version@60s")
)
KINDS = ("provider_partial", "fallback_storm", "cost_loop", "token_bug", "clock_skew", "cache_collapse")


def made() -> tuple[World, MadeLoad]:
    world = make_world(6, 2.0, 4)
    seconds = 4_200.0
    incidents = [incident_of(f"{kind}@{10 * at}m+8m", world, seconds, at) for at, kind in enumerate(KINDS)]
    return world, MadeLoad(world, 1_700_000_000.0, seconds, incidents)


def from_bytes(world: World, play: Play) -> list[Any]:
    rollup, block, previous, records = SourceRollup(CONFIG, SOURCE, 0), 0, None, []
    for batch in play.batches():
        n = len(batch)
        sent_ms = (batch.sent_s * 1e3).astype("int64").tolist()
        values = [value for _, value in call_messages(world, batch)]
        chunk = Chunk(0, 1, 1, 0, previous, block, Records.of(range(block, block + n), sent_ms, values))
        closed = rollup.take(chunk)
        records += [closed.summary] if closed else []
        records += rollup.idle_records()
        previous, block = block + n - 1, block + n
    return as_sent(records)


def test_rows_equal_those_of_bytes() -> None:
    """Every row and summary is equal, bit for bit, through six kinds of incidents."""
    world, load = made()
    straight = [record for _, record in rows_of(load.play().batches(), world, CONFIG)]
    rows = as_sent([each for each in straight if each.kind not in ("epoch", "progress") and each.source == SOURCE])
    expected = from_bytes(world, load.play())
    assert len(rows) > 500
    assert rows == expected


def test_every_score_is_in_a_row() -> None:
    """Those of the calls that a judge has seen."""
    world, load = made()
    scored = sum(len(judged(batch)) for batch in load.play().batches())
    records = [record for _, record in rows_of(load.play().batches(), world, CONFIG)]
    rows = [each for each in records if each.kind == "score_row" and each.grouping == "@10s"]
    assert sum(row.n for row in rows) == scored > 0
    assert {row.name for row in rows} == {QUALITY}


def test_time_is_the_loads_own() -> None:
    """The log begins with an epoch's start, timestamps never fall, and the last progress passes the load's end."""
    world, load = made()
    records = list(rows_of(load.play().batches(), world, CONFIG))
    assert records[0][1].kind == "epoch"
    times = [at_ms for at_ms, _ in records]
    assert times == sorted(times)
    assert records[-1][1].kind == "progress"
    assert records[-1][1].sources[0].watermark_ms >= (load.start_s + load.seconds - 5) * 1e3


def test_a_step_makes_the_same_windows() -> None:
    """Blocks of ten seconds hold the same calls, window by window, and windows are judged at each step's end."""
    world, load = made()

    def windows(step_ms: int) -> dict[tuple[Any, ...], int]:
        found: dict[tuple[Any, ...], int] = {}
        log = rows_of(load.play().batches(), world, CONFIG, scores=False, step_ms=step_ms)
        for row in as_sent(record for _, record in log if record.kind == "rows"):
            key = (row.grouping, row.series_id, row.window_start_ms)
            found[key] = found.get(key, 0) + row.n
        return found

    assert windows(10_000) == windows(0)
    log = rows_of(load.play().batches(), world, CONFIG, scores=False, step_ms=10_000)
    marks = [record.sources[0].watermark_ms for _, record in log if record.kind == "progress"]
    assert marks == list(range(marks[0], marks[-1] + 1, 10_000))
    assert marks[0] % 10_000 == 0
