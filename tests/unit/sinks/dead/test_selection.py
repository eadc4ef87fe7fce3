"""Choosing and counting dead letters."""

from __future__ import annotations

import pytest

from callgauge.errors import SettingError
from callgauge.schema import DeadLetter
from callgauge_sinks.dead.selection import Group, LetterId, Selection, epoch_s, groups_of, id_of

WRONG = "Expected `float`, got `str`"
LETTER = DeadLetter(topic="llm.calls", partition=1, offset=7, ts=100.0, reason=WRONG, field="ts", size=2, raw="e30=")


@pytest.mark.parametrize(
    ("selection", "taken"),
    [
        (Selection(), True),
        (Selection(reason="EXPECTED `float`"), True),
        (Selection(reason="ts: expected"), True),
        (Selection(reason="not JSON"), False),
        (Selection(topic="llm.calls"), True),
        (Selection(topic="calls"), True),
        (Selection(topic="alls"), False),
        (Selection(topic="scores"), False),
        (Selection(since=100.0, until=100.1), True),
        (Selection(since=100.1), False),
        (Selection(until=100.0), False),
        (Selection(ids=frozenset({LetterId("llm.calls", 1, 7)})), True),
        (Selection(ids=frozenset({LetterId("llm.calls", 1, 8)})), False),
        (Selection(reason="ts", ids=frozenset({LetterId("llm.calls", 1, 8)})), False),
    ],
)
def test_what_is_chosen(selection: Selection, taken: bool) -> None:
    """A letter that fulfils all that is given; times are half-open."""
    assert selection.takes(LETTER) is taken


def test_an_id_reads_back() -> None:
    """As it is written."""
    assert LetterId.parse(str(id_of(LETTER))) == id_of(LETTER) == ("llm.calls", 1, 7)


@pytest.mark.parametrize("text", ["", "llm.calls", "llm.calls/1", "/1/2", "llm.calls/1/-2", "llm.calls/1/2/3", "a/x/1"])
def test_what_is_no_id(text: str) -> None:
    """Is told with an example."""
    with pytest.raises(SettingError, match="give TOPIC/PARTITION/OFFSET, as in"):
        LetterId.parse(text)


def test_groups() -> None:
    """By topic, reason without numbers, and field; a letter that was written twice counts once; the largest first."""
    letters = [
        LETTER,
        LETTER.model_copy(update={"offset": 9, "reason": "not JSON: byte 12", "field": "", "ts": 300.0}),
        LETTER.model_copy(update={"offset": 8, "reason": "not JSON: byte 3", "field": "", "ts": 200.0}),
        LETTER,
        LETTER.model_copy(update={"topic": "llm.scores"}),
    ]
    assert groups_of(letters) == [
        Group("llm.calls", "not JSON: byte #", "", 2, 200.0, 300.0, "llm.calls/1/9"),
        Group("llm.calls", WRONG, "ts", 1, 100.0, 100.0, "llm.calls/1/7"),
        Group("llm.scores", WRONG, "ts", 1, 100.0, 100.0, "llm.scores/1/7"),
    ]
    assert groups_of([]) == []


def test_times() -> None:
    """ISO 8601, UTC unless it says otherwise, or epoch seconds."""
    assert epoch_s("1700000000.5") == 1_700_000_000.5
    assert epoch_s("2023-11-14T22:13:20") == epoch_s("2023-11-14 23:13:20+01:00") == 1_700_000_000.0
    for wrong in ("yesterday", "nan", "inf"):
        with pytest.raises(SettingError, match="is no time: give ISO 8601"):
            epoch_s(wrong)
