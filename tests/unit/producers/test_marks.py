"""A mark is taken whenever it says what changed and, if it says when, says so legibly."""

from __future__ import annotations

import pytest

from callgauge.errors import DecodeError
from callgauge.mending import MENDED, mended_mark
from callgauge.schema import Mark

NOW = 1_700_000_000.0


def test_a_text_is_enough() -> None:
    """It holds from now on, for everybody."""
    mark = Mark(mark_id="m", **mended_mark({"text": "gpt-4o → gpt-4.1"}, now_s=NOW))
    assert (mark.text, mark.effective_from, mark.service) == ("gpt-4o → gpt-4.1", NOW, "")


def test_its_time_is_read_as_any_time() -> None:
    """ISO 8601, milliseconds."""
    assert mended_mark({"text": "t", "effective_from": "2023-11-14T22:13:20Z"}, now_s=0)["effective_from"] == NOW
    found = mended_mark({"text": "t", "effective_from": NOW * 1e3, "labels": {"model": "m"}}, now_s=0)
    assert found["effective_from"] == NOW
    assert found["labels"] == {"model": "m", MENDED: "effective_from: read as milliseconds"}


@pytest.mark.parametrize(
    ("given", "field"),
    [({}, "text"), ({"text": ""}, "text"), ({"text": "t", "effective_from": "yesterday"}, "effective_from")],
)
def test_one_that_would_tell_nothing_or_something_wrong_is_refused(given: dict[str, object], field: str) -> None:
    """The field is named."""
    with pytest.raises(DecodeError) as caught:
        mended_mark(given, now_s=NOW)
    assert caught.value.field == field
