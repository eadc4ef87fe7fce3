"""An engine that was saved and put back goes on as if nothing had happened."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callgauge.schema import Alert
from callgauge_rules.in_force import InForce
from callgauge_rules.rules import BoundRule, bind, rules_in
from callgauge_streams.detect import rings
from callgauge_streams.detect.engine import Engine
from callgauge_streams.detect.engine_snapshot import MANIFEST, Saver, put_back, read_manifest, shape_of
from callgauge_windows.grouping import parse_groupings
from callgauge_windows.row_batch import RowBatch
from tests.unit.streams.detect.test_batches import random_log
from tests.unit.streams.detect.test_replay import LEARNED, MORE
from tests.unit.streams.detect.test_rings import RULES, small_rings
from tests.unit.streams.detect.windows_log import Record, random_records

LOG, TIMEOUT_MS = "cluster/topic/0", 10_000


def bound(text: str) -> list[InForce]:
    return InForce.of(bind(rules_in("rules.yaml", text.encode()), parse_groupings("model@10s")))


class Topic:
    """What is saved, by key; a topic that is compacted at once."""

    def __init__(self) -> None:
        self.values: dict[str, bytes] = {}

    def save(self, saver: Saver, next_offset: int) -> None:
        self.values |= dict(saver.pieces())
        self.values[MANIFEST], gone = saver.finish(next_offset)
        for key in gone:
            del self.values[key]

    def put_back(self, rules: list[InForce], **more: Any) -> tuple[Engine, Saver]:
        manifest = read_manifest(self.values[MANIFEST])
        assert manifest is not None
        assert set(self.values) == {MANIFEST, *(key for keys in manifest.pieces.values() for key in keys)}
        engine = engine_of(rules, live_from=manifest.next_offset, **more)
        put_back(engine, manifest, self.values)
        return engine, saver_of(engine, rules, manifest)


def engine_of(rules: list[InForce], live_from: int = 0, **more: Any) -> Engine:
    return Engine(
        rules, source_timeout_ms=TIMEOUT_MS, live_from=live_from, log=LOG, tells_losses=True, whole=True, **more
    )


def saver_of(engine: Engine, rules: list[InForce], known: Any = None) -> Saver:
    return Saver(engine, LOG, shape_of(rules, TIMEOUT_MS), 0, known, known.keys if known else ())


def told(rules: list[InForce], log: list[Record], rng: random.Random, chance: float, **more: Any) -> list[list[Alert]]:
    """The alerts of each record, of an engine that is saved and put back now and then."""
    topic, found = Topic(), []
    engine = engine_of(rules, **more)
    saver = saver_of(engine, rules)
    for offset, at_ms, record in log:
        found.append(engine.take(offset, at_ms, record))
        if rng.random() < chance:
            topic.save(saver, offset + 1)
            if rng.random() < 0.5:
                engine, saver = topic.put_back(rules, **more)
    return found


@pytest.fixture(scope="module")
def several() -> list[InForce]:
    return bound(RULES + MORE)


@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_rings_rows_and_alerts_are_as_they_were(several: list[InForce], seed: int) -> None:
    """Takeovers, zombies, losses, late rows, rows that are not folded yet: every alert is equal, in the same order."""
    log = random_records(random.Random(seed))
    with small_rings():
        undisturbed = told(several, log, random.Random(0), 0)
        assert told(several, log, random.Random(seed), 0.1) == undisturbed


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_batches_and_series_beyond_the_cap_are_as_they_were(several: list[InForce], seed: int) -> None:
    log = [
        (offset, at_ms, RowBatch.of_rows(record) if isinstance(record, list) else record)
        for offset, at_ms, record in random_log(random.Random(seed))
    ]
    with small_rings():
        undisturbed = told(several, log, random.Random(0), 0, series_cap=5)
        assert told(several, log, random.Random(seed), 0.2, series_cap=5) == undisturbed


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_what_was_learned_is_as_it_was(seed: int) -> None:
    """To the last bit, and with rules that follow each other."""
    learned, log = bound(LEARNED), random_records(random.Random(seed))
    half_ms = log[-1][1] // 2 // 10_000 * 10_000 + 10_000
    rules = [InForce(learned[0].rule, to_ms=half_ms), *learned[1:], InForce(bound(RULES)[0].rule, from_ms=half_ms)]
    undisturbed = told(rules, log, random.Random(0), 0)
    assert told(rules, log, random.Random(seed), 0.1) == undisturbed


def test_only_what_has_changed_is_written_again() -> None:
    """Nothing comes between two snapshots: no piece is written, and none is deleted."""
    rules, topic = bound(RULES), Topic()
    engine = engine_of(rules)
    saver = saver_of(engine, rules)
    for record in random_records(random.Random(5)):
        engine.take(*record)
    topic.save(saver, 1_000)
    assert list(saver.pieces()) == []
    assert saver.finish(1_001)[1] == []


def test_a_manifest_of_another_version_is_none() -> None:
    assert read_manifest(b"\x93\x01\x02\x03") is None
    assert read_manifest(b"") is None


def test_the_shape_tells_other_rules_and_other_times_apart() -> None:
    rules: list[BoundRule] = [each.rule for each in bound(RULES)]
    shapes = {
        shape_of(InForce.of(rules), 1), shape_of(InForce.of(rules), 2), shape_of(InForce.of(rules[:-1]), 1),
        shape_of([InForce(rules[0], to_ms=5), *InForce.of(rules[1:])], 1),
    }  # fmt: skip
    assert len(shapes) == 4
    assert rings.resolution_ms(1, 1) == 1
