"""One field is read leniently: taken, mended with a word, or left out with a word."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum, StrEnum
from typing import Any
from uuid import UUID

import numpy as np
import pytest

from callgauge.field_reading import (
    choice_reader,
    flag_of,
    id_reader,
    number_reader,
    text_reader,
    texts_reader,
    time_of,
)


class Region(StrEnum):
    EU = "eu"


class Level(Enum):
    HIGH = 3


class Broken:
    def __str__(self) -> str:
        raise ValueError("a bug of the host's")


ID = UUID("01890a5d-ac96-774b-bcce-b302099a8057")


@pytest.mark.parametrize(
    ("value", "text", "mark"),
    [
        ("gpt-4o", "gpt-4o", ""),
        ("x" * 9, "x" * 8, "cut to 8 characters"),
        ("a\ud800", "a\ufffd", "broken text was repaired"),
        ("\ud83d\udd25", "🔥", "broken text was repaired"),
        (7, "7", ""),
        (1.5, "1.5", ""),
        (True, "true", ""),
        (Decimal("1.50"), "1.50", ""),
        (Region.EU, "eu", ""),
        (Level.HIGH, "3", ""),
        (b"raw\xff", "raw\ufffd", ""),
        (np.int64(7), "7", ""),
        (np.str_("np"), "np", ""),
        ([1, 2], "[1,2]", "made text of a list or an object"),
        ({"a": 1}, '{"a":1}', "made text of a list or an object"),
        (datetime(2026, 1, 2, tzinfo=UTC), "2026-01-", "cut to 8 characters"),
        (Broken(), None, "cannot be made text"),
    ],
)
def test_text(value: Any, text: str | None, mark: str) -> None:
    """Anything is made text, of eight characters here."""
    assert text_reader(8)(value) == (text, mark)


def test_ids_stay_apart() -> None:
    """A long id keeps its beginning; the rest becomes a hash of the whole, so that two of them stay two."""
    read = id_reader(64)
    one, mark = read("a" * 99 + "1")
    two, _ = read("a" * 99 + "2")
    assert mark == "its end was replaced by a hash, to 64 characters"
    assert (len(one), one[:32], one == two) == (64, "a" * 31 + "~", False)
    assert read("a" * 99 + "1")[0] == one
    assert (read(ID), read(""), read("b" * 64)) == ((str(ID), ""), (None, ""), ("b" * 64, ""))


@pytest.mark.parametrize(
    ("value", "number", "mark"),
    [
        (12, 12, ""),
        (12.0, 12, ""),
        ("12", 12, ""),
        (Decimal(12), 12, ""),
        (np.float32(12), 12, ""),
        (np.uint8(12), 12, ""),
        (10.5, 10, "rounded to a whole number"),
        ("9007199254740993", 9007199254740993, ""),
        (-1, None, "out of range"),
        (10**30, None, "out of range"),
        (math.nan, None, "out of range"),
        (math.inf, None, "out of range"),
        ("1_000", None, "no number"),
        ("9" * 5_000, None, "no number"),
        ("soon", None, "no number"),
        (True, None, "no number"),
        ([1], None, "no number"),
        (np.array([1, 2]), None, "no number"),
        (timedelta(seconds=1), None, "no number"),
        (10**400, None, "out of range"),
    ],
)
def test_whole_numbers(value: Any, number: int | None, mark: str) -> None:
    """Tokens and counts, up to 2^60 here."""
    found = number_reader(0, 1 << 60, whole=True)(value)
    assert found == (number, mark)
    assert type(found[0]) is type(number)


def test_milliseconds() -> None:
    """A timedelta is as long as it is; a latency below 0 is left out."""
    read = number_reader(0, 1e12, whole=False, milliseconds=True)
    assert read(timedelta(seconds=1.5)) == (1_500.0, "")
    assert read(np.float64(2.5)) == (2.5, "")
    assert read(-0.1) == (None, "out of range")


def test_scores_are_cut_to_their_bounds() -> None:
    """Of either sign; what is no number stays none, and true is 1."""
    read = number_reader(-10, 10, whole=False, judgement=True)
    assert read(True) == (1.0, "")
    assert (read(11), read(-math.inf), read(math.nan)) == (
        (10, "cut to the nearest bound"),
        (-10, "cut to the nearest bound"),
        (None, "out of range"),
    )


@pytest.mark.parametrize(
    ("value", "seconds", "mark"),
    [
        (1_700_000_000, 1_700_000_000.0, ""),
        (1_700_000_000_250, 1_700_000_000.25, "read as milliseconds"),
        (1_700_000_000_250_000, 1_700_000_000.25, "read as microseconds"),
        (1_700_000_000_250_000_000, 1_700_000_000.25, "read as nanoseconds"),
        ("1700000000.25", 1_700_000_000.25, ""),
        (np.int64(1_700_000_000), 1_700_000_000.0, ""),
        (datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC), 1_700_000_000.0, ""),
        (datetime(2023, 11, 15, 0, 13, 20, tzinfo=timezone(timedelta(hours=2))), 1_700_000_000.0, ""),
        ("2023-11-14T22:13:20Z", 1_700_000_000.0, ""),
        ("2023-11-14T22:13:20", 1_700_000_000.0, "without a zone, read as UTC"),
        (-1, None, "no time between 1970 and 2100"),
        (math.nan, None, "no time between 1970 and 2100"),
        (1e30, None, "no time between 1970 and 2100"),
        (10**400, None, "no time between 1970 and 2100"),
        (datetime(1, 1, 1), None, "no time"),
        ("yesterday", None, "no time"),
        (True, None, "no time"),
    ],
)
def test_times(value: Any, seconds: float | None, mark: str) -> None:
    """Epoch seconds; a number too large for them is of a finer unit, which the mark says."""
    if isinstance(value, datetime) and value.tzinfo is None:
        assert time_of(value)[0] is None
    else:
        assert time_of(value) == (seconds, mark)


def test_choices() -> None:
    """Whatever the case, and by another name; what is not known becomes `other`."""
    read = choice_reader(("half_open", "open", "other"), {"opened": "open"}, "other")
    assert [read(word) for word in ("open", " Half-Open ", "OPENED")] == [("open", ""), ("half_open", ""), ("open", "")]
    assert [read(value) for value in ("ajar", 3, None)] == [("other", "not a value that is known")] * 3


@pytest.mark.parametrize(
    ("value", "flag"),
    [
        (True, True),
        (0, False),
        (1.0, True),
        ("Yes", True),
        ("false", False),
        (np.bool_(True), True),
        (2, None),
        ([], None),
    ],
)
def test_flags(value: Any, flag: bool | None) -> None:
    """True and false, as numbers and words too."""
    assert flag_of(value) == (flag, "" if flag is not None else "neither true nor false")


def test_objects_of_texts() -> None:
    """Each value is made text, nulls are left out, and there are at most as many as allowed."""
    read = texts_reader(3, 5, 2)
    assert read({"a": 1, 2: True, "c": None}) == ({"a": "1", "2": "true"}, "")
    assert read({"a": "x" * 9}) == ({"a": "x" * 5}, "cut to 5 characters")
    assert read({"a": "1", "b": "2", "c": "3"}) == ({"a": "1", "b": "2"}, "only 2 were kept")
    assert read(["a"]) == (None, "no object of texts")
