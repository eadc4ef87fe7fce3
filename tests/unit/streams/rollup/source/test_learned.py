"""What sources share, and when they begin anew."""

from __future__ import annotations

from typing import Any

from callgauge.codec import encode
from callgauge.schema import Call
from callgauge_streams.bus.chunk import Chunk
from callgauge_streams.bus.records import Records
from callgauge_streams.rollup.config import RollupConfig
from callgauge_streams.rollup.kinds import CALLS
from callgauge_streams.rollup.source.learned import Learned
from callgauge_streams.rollup.source.state_machine import SourceRollup
from callgauge_windows.grouping import parse_groupings
from tests.as_sent import as_sent

CONFIG = RollupConfig(parse_groupings("@10s service,model@10s"), 4, out_of_orderness_ms=0)


def rows_of(sources: list[SourceRollup], labels: list[list[str]]) -> list[Any]:
    """Let the sources read blocks of four calls in turn, each call with the next of its source's models."""
    rows: list[Any] = []
    for block in range(0, len(labels[0]), 4):
        for number, source in enumerate(sources):
            models = labels[number][block : block + 4]
            calls = [
                Call(event_id=f"{number}-{block + at}", ts=1000.0, service=model[0], model=model)
                for at, model in enumerate(models)
            ]
            records = Records.of(range(block, block + 4), [1_000_000] * 4, [encode(call) for call in calls])
            closed = source.take(Chunk(number, 1, 1, 0, block - 1 if block else None, block, records))
            rows += as_sent(closed.rows) if closed else []
    return rows + [row for source in sources for row in as_sent(source.idle_records()) if row.kind == "row"]


def test_sources_that_share_what_they_learn_send_the_rows_that_each_sends_alone() -> None:
    """Also when there are too many codes in the middle, and one source begins anew before the other."""
    labels = [[f"{at % 3}m{at % 7}" for at in range(40)], [f"{at % 2}m{at}" for at in range(40)]]

    def sources(learned: Learned | None) -> list[SourceRollup]:
        return [SourceRollup(CONFIG, f"s{number}", 0, learned=learned) for number in range(2)]

    alone = rows_of(sources(None), labels)
    assert len(alone) > 60
    for most in (1, 6, 1000):
        assert rows_of(sources(Learned(CONFIG, CALLS, most)), labels) == alone


def test_words_are_the_same_until_there_are_too_many() -> None:
    """A block that begins then has new ones; those of blocks that are open stay as they are."""
    learned = Learned(CONFIG, CALLS, most=2)
    first = learned.for_block()
    assert learned.for_block() is first
    calls = [Call(event_id=str(at), ts=0.0, service="s", model=str(at)) for at in range(3)]
    first.reader.read(Records.of(range(3), [0] * 3, [encode(call) for call in calls]))
    assert learned.for_block() is not first
    assert (first.reader.codes, learned.for_block().reader.codes) == (4, 0)  # three models and an outcome
