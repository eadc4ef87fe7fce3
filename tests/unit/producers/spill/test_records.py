"""Lines of spill files: what was written is read, and damage costs only the lines that it is in."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from callgauge.spill.records import lines_of, read_lines
from callgauge.transport import Outbound

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
messages = st.builds(
    lambda kind, key, value: Outbound(kind, key.encode(), msgspec.json.encode({"text": value})),
    st.sampled_from(["calls", "scores", "content"]),
    texts,
    texts,
)


@given(st.lists(messages, max_size=6))
def test_what_is_written_is_read(given_messages: list[Outbound]) -> None:
    """In order, byte for byte, whatever key and text hold."""
    assert read_lines(lines_of(given_messages)) == (given_messages, 0)


@given(st.lists(messages, min_size=1, max_size=6), st.data())
def test_a_torn_end_is_one_damaged_line(given_messages: list[Outbound], data: st.DataObject) -> None:
    """Of a file that ends anywhere, all whole lines are read."""
    written = lines_of(given_messages)
    cut = data.draw(st.integers(0, len(written) - 1))
    whole = written[:cut].count(b"\n")
    torn = not written[:cut].endswith(b"\n") and cut > 0
    assert read_lines(written[:cut]) == (given_messages[:whole], int(torn))


@given(st.lists(messages, min_size=2, max_size=6), st.data())
def test_a_damaged_byte_costs_the_lines_around_it(given_messages: list[Outbound], data: st.DataObject) -> None:
    """One line; two, if the byte was, or becomes, a line break."""
    written = bytearray(lines_of(given_messages))
    at = data.draw(st.integers(0, len(written) - 1))
    written[at] ^= data.draw(st.integers(1, 255))
    found, damaged = read_lines(bytes(written))
    assert 1 <= damaged <= 2
    assert len(given_messages) - 2 <= len(found) < len(given_messages)
    assert all(message in given_messages for message in found)


def test_a_kind_that_is_not_known_is_counted() -> None:
    """A file of a later version is read as far as this one can."""
    other = lines_of([Outbound("dreams", b"k", b"{}"), Outbound("calls", b"k", b"{}")])  # type: ignore[arg-type]
    assert read_lines(other) == ([Outbound("calls", b"k", b"{}")], 1)
