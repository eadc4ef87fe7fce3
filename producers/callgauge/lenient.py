"""Reads the bytes of an event that its strict decoder refuses: with nulls, odd values, broken text, numbers like NaN.

First the way that is nearly as fast as the strict one, for emitters that write null where they have nothing; then
Python's own JSON reader, which takes everything that is JSON and some of what is not, and `mending` for each field.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import cache
from hashlib import blake2b
from typing import Any

import msgspec

from callgauge.errors import DecodeError
from callgauge.mending import MARKS_MOST, MENDED, mended_call, mended_score
from callgauge.schema import Call, Score, StateChange
from callgauge.structs import nullable_struct_of

__all__ = ["NOT_UTF8", "call_fields", "object_of", "score_fields", "score_model"]

# Integers of more digits are read as floats: they are out of every range, and reading them exactly takes long.
_MOST_DIGITS = 30
#: What is said of a message whose bytes are not UTF-8.
NOT_UTF8 = "bytes that are no text were replaced"


def call_fields(value: bytes | None) -> dict[str, Any]:
    """The fields of a valid `Call`, mended where they were odd.

    Raises:
        DecodeError: it cannot be counted; it names the field and the reason.
    """
    if (fields := _without_nulls(value)) is not None:
        return fields
    return _mended(value, mended_call, "event_id", "tags")


def score_fields(value: bytes | None) -> tuple[type[Score] | type[StateChange], dict[str, Any]]:
    """The kind of a record of the scores topic and its fields, `kind` included, mended where they were odd.

    Raises:
        DecodeError: it cannot be counted; it names the field and the reason.
    """
    model = score_model(object_of(value)[0])
    own_id = "score_id" if model is Score else "event_id"
    fields = _mended(value, lambda given: mended_score(model, given), own_id, "labels")
    return model, {"kind": model.model_fields["kind"].default, **fields}


def score_model(given: Mapping[str, Any]) -> type[Score] | type[StateChange]:
    """Which of the two an object of the scores topic is, by its kind or by what only one of them has.

    Raises:
        DecodeError: it is neither.
    """
    kind = given.get("kind")
    if kind == "score" or (kind is None and "value" in given):
        return Score
    if kind == "state_change" or (kind is None and "to_state" in given):
        return StateChange
    raise DecodeError("kind", "missing" if kind is None else f"{str(kind)[:64]!r} is neither score nor state_change")


@cache
def _nullable() -> Callable[[bytes], Any]:
    return msgspec.json.Decoder(nullable_struct_of(Call)).decode


def _without_nulls(value: bytes | None) -> dict[str, Any] | None:
    """The fields of a call that has nothing odd but nulls; None for another."""
    try:
        call = _nullable()(value)  # type: ignore[arg-type]  # None raises
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, TypeError):
        return None
    fields = {name: given for name in call.__struct_fields__ if (given := getattr(call, name)) is not None}
    return fields if fields.keys() >= {"event_id", "ts", "service"} else None


def _mended(
    value: bytes | None, mend: Callable[[Mapping[str, Any]], dict[str, Any]], own_id: str, marked: str
) -> dict[str, Any]:
    """The mended fields, with an id made of the bytes where there is none: the same when the message comes again."""
    given, is_text = object_of(value)
    fields = mend(given)
    marks = [] if is_text else [f"message: {NOT_UTF8}"]
    if own_id not in fields:
        fields[own_id] = blake2b(value or b"", digest_size=16).hexdigest()
        marks.append(f"{own_id}: made of the message")
    if marks:
        texts = fields.get(marked, {})
        told = "; ".join(filter(None, [texts.get(MENDED, ""), *marks]))
        fields[marked] = {**texts, MENDED: told[: MARKS_MOST[marked]]}
    return fields


def object_of(value: bytes | None) -> tuple[Mapping[str, Any], bool]:
    """The object in a message, and whether its bytes were UTF-8.

    Raises:
        DecodeError: there is no object.
    """
    if not value:
        raise DecodeError("", "empty message")
    try:
        text, is_text = value.decode(), True
    except UnicodeDecodeError:
        text, is_text = value.decode(errors="replace"), False
    try:
        found = json.loads(text.removeprefix("\ufeff"), parse_int=_integer, strict=False)
    except ValueError as error:
        raise DecodeError("", f"not JSON: {error}") from None
    except RecursionError:
        raise DecodeError("", "nested too deep to be read") from None
    if not isinstance(found, dict):
        raise DecodeError("", f"an event is a JSON object, and this is {_JSON_NAMES[type(found)]}")
    return found, is_text


_JSON_NAMES = {
    list: "a list",
    str: "text",
    int: "a number",
    float: "a number",
    bool: "true or false",
    type(None): "null",
}


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= _MOST_DIGITS else float(digits)
