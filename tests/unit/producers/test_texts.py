"""Broken text becomes text that can be sent and stored; whole text stays as it is."""

from hypothesis import given
from hypothesis import strategies as st

from callgauge.texts import is_whole, repaired

ANY = st.text(st.characters(exclude_categories=()))


@given(ANY)
def test_repaired_text_can_be_encoded(text: str) -> None:
    """Whatever it was, and repairing it again changes nothing."""
    mended = repaired(text)
    assert is_whole(mended)
    assert repaired(mended) == mended


@given(st.text())
def test_whole_text_stays(text: str) -> None:
    """Text without surrogates is not touched."""
    assert repaired(text) == text


def test_halves_that_belong_together_are_joined() -> None:
    """As JSON means its escapes; a lone half, also in the wrong order, is replaced."""
    assert repaired("a\ud83d\udd25b") == "a🔥b"
    assert repaired("\udd25\ud83d") == "\ufffd\ufffd"
