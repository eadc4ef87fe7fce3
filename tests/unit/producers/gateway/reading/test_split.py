"""A body is taken apart into its events, and one that is broken costs no other."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgauge.errors import DecodeError
from callgauge_gateway.reading.nesting_depth import MOST_LEVELS, check_depth
from callgauge_gateway.reading.split import split_events
from tests.quickest import quickest

MOST = 1_000
OBJECTS = st.lists(st.dictionaries(st.text(), st.integers() | st.text() | st.none()), min_size=1, max_size=5)


@given(OBJECTS, st.sampled_from(["array", "lines", "pretty array", "pretty", "joined"]))
def test_events_come_out_as_they_went_in(events: list[dict[str, Any]], form: str) -> None:
    """In order, whichever form."""
    if form == "lines":
        body = "\r\n".join(json.dumps(event, ensure_ascii=False) for event in events)
    elif form in ("pretty", "joined"):
        body = "".join(json.dumps(event, indent=2 if form == "pretty" else None) for event in events)
    else:
        body = json.dumps(events, indent=2 if form == "pretty array" else None)
    assert [json.loads(raw) for raw in split_events(body.encode(), MOST)] == events


@pytest.mark.parametrize(
    ("body", "events"),
    [
        (b'\xef\xbb\xbf {"a": 1} \n', [b'{"a": 1}']),
        (b'{\n  "a": 1\n}', [b'{\n  "a": 1\n}']),
        (b'{"a": 1}\n\n{"b": 2}\n', [b'{"a": 1}', b'{"b": 2}']),
        (b'{"a": 1}\n{broken\n{"b": 2}', [b'{"a": 1}', b"{broken", b'{"b": 2}']),
        (b'{broken\n{"b": 2}', [b"{broken", b'{"b": 2}']),
        (b'{\n"a": broken\n}', [b'{\n"a": broken\n}']),
        (b"[]", []),
        (b'[{"a": NaN}, {"b": 2}]', [b'{"a": NaN}', b'{"b": 2}']),
        (b'[{"a": "\xff"}, {"b": 2}]', [b'{"a": "\xff"}', b'{"b": 2}']),
        (b'[{"a": 1}, {broken}, {"b": 2}]', [b'{"a": 1}', b"{broken}", b'{"b": 2}']),
        (b'[{"a": [None, "}"]}, {"b": 2}]', [b'{"a": [None, "}"]}', b'{"b": 2}']),
        (b'[{"a": 1}, None, ], {"b": 2}]', [b'{"a": 1}', b"None", b', {"b": 2}]']),
        (b'[None{"b": 2}, {"a": "broken}, {"b": 2}]', [b'None{"b": 2}', b'{"a": "broken}, {"b": 2}]']),
        (b'{"a": 1}{"b": 2} more', [b'{"a": 1}', b'{"b": 2}', b"more"]),
        (b'[{"a": 1}', [b'{"a": 1}']),
        (b'[{"a": 1}, null]', [b'{"a": 1}', b"null"]),
        (b'[{"a": 1}] more', [b'{"a": 1}', b"more"]),
        (b"nothing", [b"nothing"]),
    ],
)
def test_what_is_broken_is_an_event_of_its_own(body: bytes, events: list[bytes]) -> None:
    """In an array it ends where its brackets are closed; a line is always one."""
    assert split_events(body, MOST) == events


@pytest.mark.parametrize("levels", [100, 100_000])
def test_what_is_nested_too_deep_costs_no_other(levels: int) -> None:
    """Up to a size beyond which its end is not looked for."""
    deep = b'{"a": ' + b"[" * levels + b"]" * levels + b"}"
    *events, last = split_events(b'[{"a": 1}, %s, {"b": 2}]' % deep, MOST)
    assert events == ([b'{"a": 1}', deep] if levels == 100 else [b'{"a": 1}'])
    assert last == (b'{"b": 2}' if levels == 100 else deep + b', {"b": 2}]')


@pytest.mark.parametrize("event", [b"NaN", b"{broken}", b'"', b'\\"', b"]", b"[", b"{}[] "])
def test_a_hostile_body_is_not_read_for_long(event: bytes) -> None:
    """Nor further than events are allowed: five megabytes took seconds, in which nobody else was served."""
    body = b"[x," + b",".join([event] * (5_000_000 // (len(event) + 1)))

    def took_s() -> float:
        began = time.process_time()
        with suppress(DecodeError):
            check_depth(body)
        assert len(split_events(body, 10)) <= 11
        return time.process_time() - began

    assert quickest(took_s, 1.0) < 1.0


def test_an_empty_body_is_told() -> None:
    """With what should be there."""
    with pytest.raises(DecodeError, match="send a JSON object"):
        split_events(b" \n", MOST)


def test_depth_is_limited() -> None:
    """Brackets in strings do not count."""
    check_depth(b"[" * MOST_LEVELS + b"]" * MOST_LEVELS)
    check_depth(json.dumps({"text": "[{" * 1_000, "quote": '"[' * 100, "list": [{}] * 1_000}).encode())
    with pytest.raises(DecodeError, match="deeper than 64"):
        check_depth(b"[" * 65 + b"]" * 65)
    with pytest.raises(DecodeError, match="deeper than 64"):
        check_depth(b'{"a":' * 100_000)
