"""Reads one field of an event leniently: what can be understood is taken, what cannot is left out, and it is said why.

A reader is given a value as the host or the wire has it, and gives the value for the wire and a mark. The value is None
where the field must be left out; the mark is "" where nothing was lost or guessed (12.0 tokens are 12, the number 7 is
the label "7", a `UUID` its text), else a few words without the value itself, which might hold a prompt.

Numbers of NumPy, `Decimal`, `Enum`, `bytes`, `UUID`, `datetime` and `timedelta` are understood too: hosts have them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from hashlib import blake2b
from typing import Any

from callgauge.texts import repaired

__all__ = ["Reader", "choice_reader", "flag_of", "id_reader", "number_reader", "text_reader", "texts_reader", "time_of"]

#: From a value to the value that is sent (None: left out) and what was mended, in a few words ("": nothing).
Reader = Callable[[Any], tuple[Any, str]]

#: The latest time, in seconds; a larger number is of a finer unit.
_LATEST_S = 4_102_444_800
_FINER = (("milliseconds", 1_000), ("microseconds", 1_000_000), ("nanoseconds", 1_000_000_000))
_FLAGS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
# More digits than this are no number of ours, and reading them costs time.
_LONGEST_NUMBER = 400


def _plain(value: Any) -> Any:
    """What stands inside an Enum, a NumPy scalar or bytes."""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, (bytes, bytearray)):
        return bytes(value).decode(errors="replace")
    if hasattr(value, "dtype") and hasattr(value, "item"):
        with suppress(Exception):  # an array of several is no scalar, and is read as it is
            return value.item()
    return value


def _text_of(value: Any) -> tuple[str, str]:
    """The text of a value, and the mark where that is more than writing it down."""
    value = _plain(value)
    if isinstance(value, str):
        text = repaired(value)
        return text, "" if text == value else "broken text was repaired"
    if isinstance(value, bool):
        return ("true" if value else "false"), ""
    if isinstance(value, date):
        return value.isoformat(), ""
    if isinstance(value, (list, tuple, Mapping)):
        return repaired(json.dumps(value, default=str, separators=(",", ":"))), "made text of a list or an object"
    return repaired(str(value)), ""


def text_reader(most: int | None) -> Reader:
    """Reads text of at most `most` characters; longer text is cut."""

    def read(value: Any) -> tuple[Any, str]:
        try:
            text, mark = _text_of(value)
        except Exception:  # the host's own __str__
            return None, "cannot be made text"
        if most is not None and len(text) > most:
            return text[:most], f"cut to {most} characters"
        return text, mark

    return read


def id_reader(most: int) -> Reader:
    """Reads an id of at most `most` characters. The end of a longer one becomes a hash of the whole, so that two long
    ids stay two."""
    as_text = text_reader(None)

    def read(value: Any) -> tuple[Any, str]:
        text, mark = as_text(value)
        if text is None or len(text) <= most:
            return text or None, mark
        end = blake2b(text.encode(), digest_size=16).hexdigest()
        return f"{text[: most - len(end) - 1]}~{end}", f"its end was replaced by a hash, to {most} characters"

    return read


def number_reader(
    least: float, most: float, *, whole: bool, milliseconds: bool = False, judgement: bool = False
) -> Reader:
    """Reads a number from `least` to `most`; one beyond is left out.

    Args:
        milliseconds: whether a `timedelta` is understood.
        judgement: whether true is 1 and false 0, and a number beyond is made the nearest bound.
    """

    def read(value: Any) -> tuple[Any, str]:
        number = _number_of(int(value) if judgement and isinstance(value, bool) else value, milliseconds)
        if number is None:
            return None, "no number"
        if not least <= number <= most:
            if not judgement or math.isnan(number):
                return None, "out of range"
            return float(max(least, min(number, most))), "cut to the nearest bound"
        if not whole:
            return float(number), ""
        return round(number), "" if number == round(number) else "rounded to a whole number"

    return read


def _number_of(value: Any, milliseconds: bool) -> int | float | None:
    """The number that a value is or writes; None for none. May be infinite, or not a number."""
    value = _plain(value)
    if isinstance(value, timedelta) and milliseconds:
        return value / timedelta(milliseconds=1)
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal, str)):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, str) and ("_" in value or len(value) > _LONGEST_NUMBER):
        return None  # Python reads 1_000, nobody else does
    with suppress(ValueError, OverflowError):
        number = float(value)
        # Text of a whole number beyond 2^53 keeps all its digits.
        return int(value) if number.is_integer() and isinstance(value, str) and value.strip().isdigit() else number
    return None


def time_of(value: Any) -> tuple[float | None, str]:
    """Reads a time into epoch seconds: a number (of a finer unit, if it is too large for seconds), a `datetime`, or
    ISO 8601 text. Without a zone, text is UTC, and a `datetime` local time, as Python has it."""
    value = _plain(value)
    with suppress(ValueError, OverflowError, OSError):
        if isinstance(value, str):
            with suppress(ValueError):
                return _time_of_number(float(value))
            value = datetime.fromisoformat(value)
            if value.tzinfo is None:
                return _time_of_number(value.replace(tzinfo=UTC).timestamp(), "without a zone, read as UTC")
        if isinstance(value, datetime):
            return _time_of_number(value.timestamp())
        if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
            return _time_of_number(value if isinstance(value, int) else float(value))
    return None, "no time"


def _time_of_number(number: int | float, mark: str = "") -> tuple[float | None, str]:
    if 0 <= number <= _LATEST_S:
        return float(number), mark
    for unit, per_second in _FINER:
        # Each unit begins where the one before ends, so no number is of two.
        if _LATEST_S * per_second // 1_000 < number <= _LATEST_S * per_second:
            return number / per_second, f"read as {unit}"
    return None, "no time between 1970 and 2100"


def choice_reader(choices: tuple[str, ...], synonyms: Mapping[str, str], other: str | None) -> Reader:
    """Reads one of `choices`, whatever its case, or one of `synonyms`; anything else becomes `other`."""

    def read(value: Any) -> tuple[Any, str]:
        value = _plain(value)
        word = value.strip().lower().replace("-", "_") if isinstance(value, str) else ""
        word = synonyms.get(word, word)
        return (word, "") if word in choices else (other, "not a value that is known")

    return read


def flag_of(value: Any) -> tuple[bool | None, str]:
    """Reads true or false; also 0 and 1, yes and no, and their texts."""
    value = _plain(value)
    if isinstance(value, bool):
        return value, ""
    word = str(value).strip().lower() if isinstance(value, (int, float, str)) else ""
    found = _FLAGS.get(word.removesuffix(".0"))
    return found, "" if found is not None else "neither true nor false"


def texts_reader(longest_name: int, longest: int | None, most: int | None) -> Reader:
    """Reads an object of texts: at most `most` of them, names and values cut to their lengths; nulls are left out."""
    read_name, read_text = text_reader(longest_name), text_reader(longest)

    def read(value: Any) -> tuple[Any, str]:
        if not isinstance(value, Mapping):
            return None, "no object of texts"
        texts: dict[str, str] = {}
        mended = ""
        for name, given in value.items():
            if given is None:
                continue
            (key, mark), (text, mark_of_text) = read_name(name), read_text(given)
            mended = mended or mark or mark_of_text
            if key is None or text is None:
                continue
            if most is not None and len(texts) >= most and key not in texts:
                mended = f"only {most} were kept"
                break
            texts[key] = text
        return texts, mended

    return read
