"""Rows survive the way into columns, into bytes and back; bytes that are no batch are refused by name."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callgauge.counted import MEASURES, OUTCOME_COUNTS, TOKEN_SUMS
from callgauge.errors import DecodeError
from callgauge.schema import Histogram, Measure, WindowRow
from callgauge_windows.row_batch import RowBatch, Texts
from callgauge_windows.row_batch_wire import decode_rows, is_rows
from callgauge_windows.row_batch_writing import encode_rows

LABELS = ("service", "model")
number = st.integers(0, 300) | st.integers(0, (1 << 63) - 1)
small = st.integers(0, 5) | st.integers(0, 1 << 40)
text = st.text(st.characters(codec="utf-8"), max_size=6)
histograms = st.builds(
    Histogram, scale=st.just(5), zero_count=small,
    buckets=st.dictionaries(st.integers(-1, 1_500).map(str), st.integers(1, 1 << 40), max_size=4),
)  # fmt: skip
measures = st.builds(
    Measure, count=st.integers(1, 1 << 40), sum=number, sum_sq=number, min=small, max=number, max_event_id=text,
    histogram=histograms,
)  # fmt: skip
rows = st.builds(
    WindowRow, grouping=st.just("service,model@10s"), series_id=st.integers(0, (1 << 64) - 1),
    window_start_ms=st.integers(0, 4_102_444_800_000), window_ms=st.just(10_000), source=st.just("c/t/0"),
    block=st.just(65_536), epoch=st.just("e"), n=small, labels=st.fixed_dictionaries(dict.fromkeys(LABELS, text)),
    errors=st.dictionaries(st.sampled_from(["timeout", "other"]), st.integers(1, 9)),
    finish_reasons=st.dictionaries(text, st.integers(1, 9), max_size=3),
    measures=st.dictionaries(st.sampled_from(list(MEASURES)), measures),
    **dict.fromkeys([*(count.name for count in OUTCOME_COUNTS), *TOKEN_SUMS, "rate_limit_used_max_ppm"], small),
)  # fmt: skip


def plain(batch: RowBatch) -> list[Any]:
    """Its rows, as dictionaries."""
    return [msgspec.to_builtins(row) for row in batch.rows()]


@settings(max_examples=150, deadline=None)
@given(st.lists(rows, min_size=1, max_size=5))
def test_rows_survive(some: list[WindowRow]) -> None:
    """Into columns and bytes and back: all fields of all rows."""
    expected = [row.model_dump() for row in some]
    batch = RowBatch.of_rows(some)
    assert plain(batch) == expected
    assert plain(decode_rows(encode_rows(batch))) == expected


@settings(max_examples=80, deadline=None)
@given(st.lists(rows, min_size=1, max_size=6), st.data())
def test_some_rows_are_a_batch_too(some: list[WindowRow], data: st.DataObject) -> None:
    """In any order; what only the others have is not sent."""
    which = data.draw(st.lists(st.integers(0, len(some) - 1), min_size=1, max_size=6))
    taken = RowBatch.of_rows(some).take(np.array(which))
    sent = decode_rows(encode_rows(taken))
    assert plain(sent) == [some[at].model_dump() for at in which]
    used = {m.max_event_id for at in which for m in some[at].measures.values()}
    assert sorted(sent.event_ids.listed()) == sorted(used)
    assert set(sent.label_values["model"]) == {some[at].labels["model"] for at in which}


def test_a_row_costs_less_than_half_of_what_it_did() -> None:
    """Of a busy stream: 400 rows of five calls each, in under a third of their bytes as JSON."""
    rng = random.Random(1)
    some = [row_of(rng, at) for at in range(400)]
    as_json = sum(len(row.model_dump_json()) for row in some)
    assert len(encode_rows(RowBatch.of_rows(some))) < as_json / 3


def row_of(rng: random.Random, at: int) -> WindowRow:
    latencies = [rng.randrange(200_000, 3_000_000) for _ in range(5)]
    latency = Measure(
        count=5, sum=sum(latencies), sum_sq=sum((us // 1_000) ** 2 for us in latencies), min=min(latencies),
        max=max(latencies), max_event_id=f"{rng.getrandbits(128):032x}",
        histogram=Histogram(scale=5, buckets={str(640 + n): 1 for n in rng.sample(range(99), 5)}),
    )  # fmt: skip
    return WindowRow(
        grouping="service,model@10s", series_id=rng.getrandbits(64), window_start_ms=1_700_000_000_000,
        window_ms=10_000, source="cluster/topic/3", block=1 << 30, epoch="a1b2c3d4", n=5,
        labels={"service": f"service-{at % 20}", "model": f"model-{at}"}, input_tokens=rng.randrange(5_000),
        finish_reasons={"stop": 5}, measures={"latency": latency, "ttft": latency, "cost": latency},
    )  # fmt: skip


GOOD = encode_rows(RowBatch.of_rows([row_of(random.Random(2), at) for at in range(3)]))


def changed(**fields: Any) -> bytes:
    return msgspec.msgpack.encode(msgspec.msgpack.decode(GOOD) | fields)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (changed(format=9), "format: 9 of 'rows' is not known here (1 is): update"),
        (changed(kind="cells"), "format: 1 of 'cells' is not known here (1 is): update"),
        (changed(rows=2), "contradicts itself"),
        (changed(data=b""), "contradicts itself"),
        (changed(series_id=bytes(8)), "1 series, not 3"),
        (changed(label_values={"service": [], "model": []}), "a value of service that there is not"),
        (changed(ids=b"x"), "event ids of other lengths"),
        (changed(width=[3]), "contradicts itself"),
        (changed(buckets={"latency": [b"12", 1, b"1"]}), "histograms of other lengths"),
        (changed(source=7), "no batch of rows: Expected `str`, got `int` - at `$.source`"),
        (GOOD[:-1], "no batch of rows"),
        (b"\xc1", "no batch of rows"),
        (b"", "no batch of rows"),
        (None, "no batch of rows"),
    ],
)
def test_what_is_no_batch_is_refused(value: bytes | None, reason: str) -> None:
    """With a reason that says what to do, or what does not fit."""
    with pytest.raises(DecodeError) as caught:
        decode_rows(value)
    assert reason in str(caught.value)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300) | st.integers(0, len(GOOD) - 1).map(lambda at: GOOD[:at] + b"\x93" + GOOD[at + 1 :]))
def test_bytes_gone_wrong_raise_nothing_else(value: bytes) -> None:
    """They are refused, or read as a batch that can be looked at."""
    try:
        batch = decode_rows(value)
    except DecodeError:
        return
    assert len(list(batch.rows())) == len(batch)


def test_json_is_told_from_batches() -> None:
    """Control records stay JSON; nothing at all is no batch."""
    assert is_rows(GOOD)
    assert not any(map(is_rows, [b'{"kind":"row"}', b" {}", b"", None]))


def test_texts() -> None:
    """One after the other."""
    texts = Texts.of(["a", "", "größe"])
    assert (len(texts), texts.listed()) == (3, ["a", "", "größe"])
