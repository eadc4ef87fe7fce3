"""Events are the same however the bytes of a body are cut."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from callgauge.clients.server_sent_events import EventReader

values = st.dictionaries(st.text(), st.text() | st.integers(-(2**53), 2**53), max_size=3)
line_ends = st.sampled_from(["\n", "\r\n", "\r"])


def events_in(pieces: list[bytes]) -> list[Any]:
    reader = EventReader()
    return [event for piece in pieces for event in reader.take(piece)] + list(reader.end())


@given(st.lists(values, max_size=4), line_ends, st.lists(st.integers(0, 400), max_size=8), st.booleans())
def test_events(sent: list[Any], end: str, cuts: list[int], closed: bool) -> None:
    """With any line end, cut anywhere, the last one with or without the blank line after it."""
    body = "".join(f": hello{end}event: e{end}data: {json.dumps(value)}{end}{end}" for value in sent)
    raw = (body if closed else body.removesuffix(end)).encode()
    places = sorted({0, len(raw), *(cut for cut in cuts if cut < len(raw))})
    pieces = [raw[start:stop] for start, stop in pairwise(places)]
    assert events_in(pieces) == sent


def test_an_event_comes_with_its_last_byte() -> None:
    """It is not held back until the next one."""
    reader = EventReader()
    assert list(reader.take(b'data: {"a": 1}\n')) == []
    assert list(reader.take(b"\n")) == [{"a": 1}]


def test_data_in_several_lines_is_one_event() -> None:
    """As the standard has it."""
    assert events_in([b'data: {"a":\ndata:1}\n\n']) == [{"a": 1}]


def test_data_that_is_not_json_is_passed_over() -> None:
    """[DONE], and what is broken."""
    assert events_in([b'data: [DONE]\n\ndata: {no\n\ndata: {"a": 1}\n\n']) == [{"a": 1}]
