"""The note in a commit's metadata: read back as written, and nothing else is read."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from callgauge_streams.bus.commit_note import CommitNote

INTS = st.integers(-1, 2**62)
NOTES = st.builds(
    CommitNote, term=INTS, lost_from=INTS, counted_to=INTS, minute=INTS, epoch=st.text("0123456789abcdef", max_size=8)
)


@given(NOTES)
def test_a_note_is_read_back(note: CommitNote) -> None:
    assert CommitNote.decode(note.encode()) == note


def test_what_a_client_reads_beyond_a_note_is_no_part_of_it() -> None:
    assert CommitNote.decode('{"of":"callgauge","term":5,"lost_from":0}Q\x01') == CommitNote(term=5, lost_from=0)


def test_an_empty_note_is_no_metadata() -> None:
    assert CommitNote().encode() == ""


def test_a_note_is_short() -> None:
    """Brokers refuse more than 4,096 bytes."""
    note = CommitNote(term=2**62, lost_from=2**62, counted_to=2**62, minute=2**62, epoch="f" * 8)
    assert len(note.encode()) < 200


@given(st.none() | st.text() | st.binary().map(lambda raw: raw.decode("utf-8", "surrogateescape")))
def test_anything_else_reads_as_an_empty_note(metadata: str | None) -> None:
    assert CommitNote.decode(metadata) == CommitNote()


@given(NOTES, st.integers(0, 2**50))
def test_a_term_grows(note: CommitNote, now_ms: int) -> None:
    assert note.next_term(now_ms) > note.term
    assert note.next_term(now_ms) >= now_ms
