"""The traceparent header, as W3C's Recommendation has it, and where calls belong in a trace."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgauge.ids import new_span_id, new_trace_id
from callgauge.trace_context import SpanContext, format_traceparent, parse_traceparent, placed

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
GOOD = f"00-{TRACE}-{SPAN}-01"


@pytest.mark.parametrize(
    ("header", "sampled"),
    [
        (GOOD, True),
        (f"00-{TRACE}-{SPAN}-00", False),
        (f"00-{TRACE}-{SPAN}-ff", True),  # flags that are not known yet are not looked at
        (f"00-{TRACE}-{SPAN}-02", False),
        (f"01-{TRACE}-{SPAN}-01", True),
        (f"cc-{TRACE}-{SPAN}-01-what the future will be like", True),
        (f"cc-{TRACE}-{SPAN}-01-", True),
    ],
)
def test_a_valid_header_is_read(header: str, sampled: bool) -> None:
    """Also one of a later version, as far as this one knows it."""
    assert parse_traceparent(header) == SpanContext(TRACE, SPAN, sampled)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "garbage",
        f"ff-{TRACE}-{SPAN}-01",  # a version that is forbidden
        f"00-{TRACE}-{SPAN}-01-more",  # version 00 has nothing more
        f"00-{TRACE}-{SPAN}-01-",
        f"cc-{TRACE}-{SPAN}-01.more",
        f"cc-{TRACE}-{SPAN}-011",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        GOOD.upper(),
        f"00-{TRACE.replace('a', 'A')}-{SPAN}-01",
        f"00-{TRACE[:-1]}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}x-01",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-0x",
        f"0-{TRACE}-{SPAN}-01",
        f" {GOOD}",
        f"{GOOD}\n",
        f"{GOOD},{GOOD}",
        GOOD.replace("-", "_"),
        GOOD.replace("4", "\uff14"),  # a digit for Python, none for W3C
        None,
        7,
        GOOD.encode(),
    ],
)
def test_what_is_not_valid_is_not_read(header: object) -> None:
    """Not even a part of it."""
    assert parse_traceparent(header) is None


@given(st.booleans())
def test_what_is_written_is_read(sampled: bool) -> None:
    """With ids as a Gauge makes them."""
    context = SpanContext(new_trace_id(), new_span_id(), sampled)
    assert parse_traceparent(format_traceparent(context)) == context


@given(st.text(max_size=80))
def test_whatever_comes_is_read_or_ignored(header: str) -> None:
    """Nothing is raised; and what is read can be written as it came, but for flags that are not ours."""
    context = parse_traceparent(header)
    assert context is None or format_traceparent(context)[3:52] == header[3:52]


def test_a_trace_with_an_id_of_its_own_has_no_header() -> None:
    """A host may name its traces as it likes; W3C's header cannot hold that."""
    assert format_traceparent(SpanContext("request 7", SPAN)) == ""


def test_a_call_is_placed() -> None:
    """It gets the trace, its parent, and an id of its own; what the host gave stays."""
    span = SpanContext(TRACE, SPAN)
    fields = placed({"model": "m", "trace_id": None}, span)
    assert {**fields, "span_id": ""} == {"model": "m", "trace_id": TRACE, "parent_span_id": SPAN, "span_id": ""}
    assert len(fields["span_id"]) == 16
    assert placed({"trace_id": TRACE, "span_id": "mine", "parent_span_id": "p"}, span)["parent_span_id"] == "p"
    for other in ("", "another", 7):
        assert placed({"trace_id": other}, span) == {"trace_id": other}
    assert placed({"model": "m"}, None) == {"model": "m"}
