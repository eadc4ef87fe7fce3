"""What is read straight out of the bytes is what msgspec reads; what it would refuse is not read."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Sequence
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from callgauge.codec import decode_counted, encode
from callgauge.counted import COUNTED_NUMBERS, LABELS, OUTCOME_FIELDS
from callgauge_streams.bus.records import Records
from callgauge_streams.rollup.reading.call_reader import CallReader
from callgauge_streams.rollup.reading.scan import Scanned, hash_of
from callgauge_streams.rollup.reading.scan import scan as scan_records
from tests.random_calls import random_call

PLAIN = {"event_id": "e-1", "ts": 1_700_000_000.25, "service": "s"}
AFTER = encode(random_call(random.Random(0), "after", 1.0))
_numbers_of, _labels_of, _outcome_of = (attrgetter(*names) for names in (COUNTED_NUMBERS, LABELS, OUTCOME_FIELDS))


def written(**fields: Any) -> bytes:
    """A call as JSON; a field that is bytes is put in as it is."""
    parts = [
        f'"{name}":'.encode() + (v if isinstance(v, bytes) else json.dumps(v).encode()) for name, v in fields.items()
    ]
    return b"{" + b",".join(parts) + b"}"


def scan(values: Sequence[bytes | None], *labels: Any) -> Scanned:
    return scan_records(records_of(values), *labels)


def records_of(values: Sequence[bytes | None]) -> Records:
    return Records.of(range(len(values)), [0] * len(values), values)


def assert_as_msgspec_reads(value: bytes) -> bool:
    """A reader finds what msgspec finds, or that it is dead; returns whether msgspec was not needed for the value."""
    reader = CallReader(LABELS)
    batches: list[list[bytes | None]] = [[value], [value, AFTER]]
    for values in batches:  # a new reader, and one that has met the value
        calls, dead = reader.read(records_of(values))
        structs, expected_dead = decode_counted(values)
        assert dead == expected_dead
        assert len(calls) == len(structs)
        ids = calls.event_ids
        found = [bytes(ids.data[begin:end]) for begin, end in ids.at.tolist()]
        assert [msgspec.json.decode(b'"%b"' % event_id) for event_id in found] == [call.event_id for call in structs]
        for at, call in enumerate(structs):
            assert calls.numbers[at].tolist() == [-1.0 if n is None else n for n in _numbers_of(call)]
            assert calls.label_values[calls.labels[at]] == _labels_of(call)
            assert calls.outcome_values[calls.outcomes[at]] == _outcome_of(call)
            assert calls.ids[at] == np.uint64(hash_of(call.event_id)).astype(np.int64)
    return bool(scan([value]).read[0])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(("event_id", *LABELS, *OUTCOME_FIELDS, *COUNTED_NUMBERS, "trace_id", "tags", "x", ""))
USUAL = st.fixed_dictionaries(
    {"event_id": st.text('ab-19é"', min_size=1, max_size=70), "ts": st.floats(0, 4e9), "service": st.text(max_size=9)},
    optional={
        **{name: st.text('ab/é\\"', max_size=20) for name in LABELS[1:]},
        **{name: st.floats(0, 1e6) | st.integers(0, 10**13) | st.none() for name in COUNTED_NUMBERS[1:]},
        "status": st.sampled_from(("success", "error", "odd")),
        "cache_hit": st.booleans(),
        "cache_level": st.sampled_from(("exact", "semantic", "warm", None)),
        "http_status": st.integers(-1, 1_000),
        "tags": st.dictionaries(st.text(max_size=4), JSON, max_size=3),
        "error_message": st.text(max_size=30),
    },
)
SEPARATORS = st.sampled_from(((",", ":"), (", ", ": "), (" ,\n", "\t:\r ")))


@settings(max_examples=400, deadline=None)
@given(fields=USUAL, more=st.dictionaries(NAMES, JSON, max_size=3), separators=SEPARATORS, ascii_only=st.booleans())
def test_calls_of_all_sorts(
    fields: dict[str, Any], more: dict[str, Any], separators: tuple[str, str], ascii_only: bool
) -> None:
    assert_as_msgspec_reads(json.dumps(fields | more, separators=separators, ensure_ascii=ascii_only).encode())


@settings(max_examples=400, deadline=None)
@given(seed=st.integers(0, 10**6), data=st.data())
def test_a_call_with_some_bytes_changed(seed: int, data: st.DataObject) -> None:
    """Cut, overwritten or with bytes put in: whatever is still read, msgspec reads too."""
    value = bytearray(encode(random_call(random.Random(seed), "e", 1_700_000_000.0)))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(value) - 1))
        piece = data.draw(
            st.sampled_from(
                (
                    b"",
                    b'"',
                    b"\\",
                    b"{",
                    b"}",
                    b",",
                    b":",
                    b"0",
                    b"-",
                    b".",
                    b"e",
                    b"\0",
                    b" ",
                    b"u",
                    b"\xff",
                    b"\\u0073",
                )
            )
        )
        value[at : at + data.draw(st.integers(0, 2))] = piece
    assert_as_msgspec_reads(bytes(value))


@settings(max_examples=500, deadline=None)
@given(st.floats(0, 1e9) | st.floats(0, 1e-3) | st.decimals(0, 10**6, places=14).map(str))
@example("0.1e-1")
@example("9007199254740993.0")
@example("0.30000000000000004")
def test_numbers_are_read_to_the_last_bit(number: float | str) -> None:
    text = number if isinstance(number, str) else json.dumps(number)
    value = written(**PLAIN, cost_usd=text.encode())
    assert_as_msgspec_reads(value)


def test_numbers_as_python_writes_them_are_read() -> None:
    """100,000 doubles of all sizes; where rounding is too close to tell, msgspec is left to do it: almost never."""
    rng = random.Random(5)
    numbers = [rng.random() * 10 ** rng.uniform(-5, 9) for _ in range(100_000)]
    scanned = scan([written(**PLAIN, latency_ms=number) for number in numbers])
    assert np.count_nonzero(scanned.read) > 99_900
    found = scanned.numbers[:, COUNTED_NUMBERS.index("latency_ms")]
    assert found[scanned.read].tolist() == np.array(numbers)[scanned.read].tolist()


READ = [
    written(**PLAIN, latency_ms=12.5, tags={"a": {"b": [1, {"c": None}, []]}, "d": "\\x"}, error_message='a "quote"\n'),
    written(**PLAIN, cost_usd=b"4.2e-05", input_tokens=12, output_tokens=None, time_to_first_token_ms=b"null"),
    written(**PLAIN, latency_ms=None, feature=None, model=7, input_tokens=12.0, http_status="429", error_type="Odd"),
    written(**PLAIN, model="x" * 300, status="great", retry_count=None, cache_hit=None, prompt_version=True),
    written(**PLAIN, user_id="größe", x=-1.5e300, y=True, z=False, n=None, e="", o={}, l=[]),
    b' \n{ "ts" : 1 , "service":"s","event_id":"e" } ',
    written(
        x="a" * 200 + '\\"' + "b" * 100 + "\n", **PLAIN, tags={"a": "é" * 50}, feature="f" * 256, cost_usd=b"0.1e-3"
    ),
    written(**PLAIN, model='"größe"'.encode(), user_id="\u65e5", latency_ms=123456789.25, input_tokens=123456789),
]
GIVEN_UP = [
    b'{"event_id":"e","ts":1,"service":"s","ts":2}',
    b'{"event_id":"a\\u0062","ts":1,"service":"s"}',
    b'{"event_id":"\xc3\xa9","ts":1,"service":"s"}',
    b'{"event_id":"e","ts":1e3,"service":"s"}',
    b'{"event_id":"e","ts":1,"service":"s","t\\u0073":2}',
    b'{"event_id":"e","ts":1.0000000000000000001,"service":"s"}',
    b'{"event_id":"e","ts":1,"service":"a\\"b"}',
    b'{"event_id":"e","ts":1,"service":"s","x":"\\ud83d\\ude00"}',
    b'{"event_id":"e","ts":1,"service":"s","x":"\\ud83d"}',
    b'{"event_id":"e","ts":1,"service":"s","x":"a\nb"}',
    b'{"event_id":"","ts":1,"service":"s"}',
    b'{"event_id":7,"ts":1,"service":"s"}',
    b'{"event_id":"' + b"e" * 65 + b'","ts":1,"service":"s"}',
    b'{"event_id":"e","ts":1700000000000,"service":"s"}',
    b'{"event_id":"e","ts":"1970-01-01T00:00:01Z","service":"s"}',
    b'{"event_id":"e","ts":1,"service":"s","input_tokens":1.5}',
    b'{"event_id":"e","ts":1,"service":"s","input_tokens":1000000000001}',
    b'{"event_id":"e","ts":1,"service":"s","latency_ms":NaN}',
    b'{"event_id":"e","ts":1,"service":"s","cost_usd":-1}',
    b'{"ts":1,"service":"s"}',
]
INVALID = [
    b"", b"{", b"{}", b"null", b"[]", b"\xff\x00", written(**PLAIN) + b"x", written(**PLAIN)[:-1],
    b'{"event_id":"e","ts":-1,"service":"s"}',
    b'{"event_id":"e","ts":01,"service":"s"}',
    b'{"event_id":"e","ts":1.,"service":"s"}',
    b'{"event_id":"e","ts":null,"service":"s"}',
    b'{"event_id":"e","ts":1,"service":"s",}',
    b'{"event_id":"e","ts":1,"service":"s" "x":1}',
    b'{"event_id":"e","ts":1,"service":"s","x":tru}',
    b'{"event_id":"e","ts":1,"service":"s","x":"\\q"}',
    b'{"event_id":"e","ts":1,"service":"s","x":[1,]}',
    b'{"event_id":"e","ts":1,"service":"s","x":{"a":1,}}',
    b'{"event_id":"e","ts":1,"service":"s","x":[1}}',
    b'{"event_id":"e","ts":1,"service":"s","x":1.e5}',
    b'{"event_id":"e","ts":1,"service":"s","x":-}',
    b'{"event_id":"e","service":"s"}', b'{"event_id":"e","ts":1}',
]  # fmt: skip


@pytest.mark.parametrize("value", READ)
def test_what_emitters_write_is_read(value: bytes) -> None:
    assert assert_as_msgspec_reads(value)


@pytest.mark.parametrize("value", GIVEN_UP)
def test_what_is_odd_is_left_to_msgspec(value: bytes) -> None:
    assert not scan([value]).read[0]
    assert_as_msgspec_reads(value)
    assert decode_counted([value])[1] == []


@pytest.mark.parametrize("value", INVALID)
def test_what_is_invalid_is_not_read(value: bytes) -> None:
    assert decode_counted([value])[1] == [0]
    assert not assert_as_msgspec_reads(value)


def test_a_call_without_a_service_is_dead_however_often_it_comes() -> None:
    """Its bytes can be scanned; what they mean is found out by decoding one, which is refused."""
    value = b'{"event_id":"e","ts":1,"service":null}'
    assert decode_counted([value])[1] == [0]
    assert assert_as_msgspec_reads(value)


def test_categories_are_told_apart_by_their_bytes() -> None:
    """Two calls have the same hash if, and only if, their labels or outcome were written the same."""
    calls = [random_call(random.Random(seed), "e", 1.0) for seed in range(500)]
    scanned = scan([encode(call) for call in calls])
    for hashes, values in (
        (scanned.labels, [tuple(getattr(call, name) for name in LABELS) for call in calls]),
        (scanned.outcomes, [tuple(getattr(call, name) for name in OUTCOME_FIELDS) for call in calls]),
    ):
        assert len(set(hashes.tolist())) == len(set(values)) == len(set(zip(hashes.tolist(), values, strict=True)))


def test_a_value_under_another_label_is_another_hash() -> None:
    one, other = written(**PLAIN, model="a", feature="b"), written(**PLAIN, model="b", feature="a")
    again = written(feature="b", model="a", **PLAIN)
    first, second, third = scan([one, other, again]).labels.tolist()
    assert first != second
    assert first == third


def test_labels_that_nobody_asks_for_make_no_difference() -> None:
    """... but what msgspec would refuse in them is not read."""
    values = [written(**PLAIN, endpoint=text) for text in ("a", "b", "é", "x" * 257)]
    scanned = scan(values, ("service", "model"))
    assert scanned.read.tolist() == [True, True, False, False]
    assert scanned.labels[0] == scanned.labels[1]


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 10**6), cut=st.integers(0, 700), spaces=st.booleans(), before=st.binary(max_size=80))
def test_neighbours_make_no_difference(seed: int, cut: int, spaces: bool, before: bytes) -> None:
    """A call that is cut off is not read on in the record after it, though that goes on as the call would; what is read
    is the same wherever it stands, though it is looked at 64 bytes at a time."""
    whole = encode(random_call(random.Random(seed), "e", 1_700_000_000.0))
    if spaces:
        whole = json.dumps(json.loads(whole)).encode()
    value, rest = whole[:cut], whole[cut:]
    alone, among = scan([value]), scan([before, value, rest, whole])
    assert alone.read[0] == among.read[1] == (value == whole)
    assert among.read[3]
    if alone.read[0]:
        assert alone.numbers[0].tolist() == among.numbers[1].tolist()
        for name in ("ids", "labels", "outcomes"):
            assert getattr(alone, name)[0] == getattr(among, name)[1] == getattr(among, name)[3]


def test_a_message_without_a_value_is_not_read() -> None:
    assert scan([None, b"", written(**PLAIN)]).read.tolist() == [False, False, True]


def test_deep_nesting_is_left_to_msgspec() -> None:
    assert assert_as_msgspec_reads(written(**PLAIN, tags=b"[" * 60 + b"]" * 60))
    assert not scan([written(**PLAIN, tags=b"[" * 62 + b"]" * 62)]).read[0]
    assert math.isfinite(scan([written(**PLAIN)]).numbers[0, 0])
