"""Makes an event of what a host or the wire gives, so that no call is lost for one odd field.

Null is the same as not given. A field that can be understood is taken, one that cannot is left out, text is repaired
and cut, an unknown member of an enumeration becomes its `other`. Each event says what was mended: a call in its tag
`callgauge.mended`, a score or a state change in the label of that name, as "field: what; field: what"; what stood
there before in `callgauge.<field>`. The view `mended_fields` counts them by service and field.

Refused is only what cannot be counted: no service, no time and no clock to replace it, a score without a value.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Le, MaxLen
from pydantic import BaseModel

from callgauge.errors import DecodeError
from callgauge.failures import failure_of, is_exception
from callgauge.field_reading import (
    Reader,
    choice_reader,
    flag_of,
    id_reader,
    number_reader,
    text_reader,
    texts_reader,
    time_of,
)
from callgauge.schema import Call, Mark, Score, StateChange
from callgauge.taxonomy import CANCELLED, error_type_named, settled
from callgauge.texts import repaired

__all__ = ["MARKS_MOST", "MENDED", "TAGS_MOST", "mended_call", "mended_mark", "mended_score", "settle"]

#: The tag, or label, that says which fields of an event were mended.
MENDED = "callgauge.mended"
#: Tags of a call that a Gauge takes: how many, characters of a name, characters of a value.
TAGS_MOST = (100, 256, 16_384)
#: Of how many characters the mark may be in all: a label has no room for more than 256.
MARKS_MOST = {"tags": 1_024, "labels": 256}
# What an original is cut to.
_ORIGINAL_MOST = 256

_SYNONYMS = {
    "ok": "success",
    "succeeded": "success",
    "successful": "success",
    "complete": "success",
    "completed": "success",
    "failed": "error",
    "failure": "error",
    "canceled": "cancelled",
    "aborted": "cancelled",
    "halfopen": "half_open",
}
#: Fields whose original is kept when it is not taken as it is.
_KEPT = frozenset({"status", "error_type", "cache_level", "origin", "from_state", "to_state"})


class _Mending:
    """One event in the making: its fields so far, and what was mended."""

    def __init__(self, model: type[BaseModel], given: Mapping[str, Any]) -> None:
        self.fields: dict[str, Any] = {}
        self.marks: dict[str, str] = {}
        self.originals: dict[str, str] = {}
        readers = _readers(model)
        for name, value in given.items():
            if value is not None and name in readers:
                self._read(name, value, readers[name])

    def _read(self, name: str, value: Any, read: Reader) -> None:
        found, mark = read(value)
        if found is not None:
            self.fields[name] = found
        if mark:
            self.mend(name, mark, value if name in _KEPT else None)

    def mend(self, name: str, mark: str, original: Any = None) -> None:
        """Note that a field was mended."""
        self.marks[name] = mark
        if original is not None:
            self.keep(name, original)

    def keep(self, name: str, original: Any) -> None:
        """Keep what stood in a field before."""
        text, _ = text_reader(_ORIGINAL_MOST)(original)
        if text is not None:
            self.originals[f"callgauge.{name}"] = text

    def marked(self, kind: str) -> dict[str, str]:
        """The tags or labels with the originals, and with the marks behind those that are there already."""
        before = self.fields.get(kind, {})
        texts = {**before, **self.originals}
        if self.marks:
            marks = "; ".join(f"{name}: {mark}" for name, mark in self.marks.items())
            texts[MENDED] = "; ".join(filter(None, [before.get(MENDED, ""), marks]))[: MARKS_MOST[kind]]
        return texts


def mended_call(given: Mapping[str, Any], *, now_s: float | None = None) -> dict[str, Any]:
    """The fields of a valid `Call`, but for the event_id where none is given.

    Args:
        now_s: when the call ended, in epoch seconds, for one without a time that can be read; None: there is no clock.

    Raises:
        DecodeError: it cannot be counted: it names the field and the reason.
    """
    mending = _Mending(Call, {name: value for name, value in given.items() if name not in _STATUS_FIELDS})
    _read_status(mending, given)
    _require_service(mending, given)
    if "ts" not in mending.fields and now_s is not None:
        mending.fields["ts"] = max(0.0, now_s - mending.fields.get("latency_ms", 0.0) / 1e3)
        if given.get("ts") is not None:
            mending.mend("ts", f"{mending.marks['ts']}, replaced by the clock")
    _require_time(mending, given)
    fields = mending.fields
    if tags := mending.marked("tags"):
        fields["tags"] = tags
    return fields


_STATUS_FIELDS = frozenset({"status", "error_type"})


def _read_status(mending: _Mending, given: Mapping[str, Any]) -> None:
    """Set status and error_type: each may be an exception, and each tells of the other when it is not known itself."""
    fields = mending.fields
    error_type = _read_error_type(mending, given.get("error_type"))
    status = given.get("status")
    if status is None:
        fields["status"], error_type = _implied(fields.get("status"), error_type, fields.get("http_status"))
    else:
        found, mark = _STATUS(status)
        implied, implied_type = _implied(fields.get("status"), error_type, fields.get("http_status"))
        if found is None:
            mending.mend("status", f"{mark}, read as {implied}", status)
            found, error_type = implied, implied_type
        elif found == "success" != implied:
            mending.mend("status", "success, though it tells of a failure", status)
            found, error_type = implied, implied_type
        fields["status"] = found
    if error_type is not None:
        fields["error_type"] = error_type


def _implied(status: str | None, error_type: str | None, http_status: int | None) -> tuple[str, str | None]:
    return settled(status or "success", error_type, http_status)


def _read_error_type(mending: _Mending, value: Any) -> str | None:
    """The error type; of an exception also the status, message and HTTP status, where they are not given."""
    if value is None:
        return None
    if is_exception(value):
        found = failure_of(value)
        for name, part in found.items():
            mending.fields.setdefault(name, part)
        return found.get("error_type")
    text, _ = text_reader(None)(value)
    if not text:
        return None
    error_type = error_type_named(text)
    if error_type is None:
        mending.mend("error_type", "not a type that is known", value)
    elif error_type != text:
        mending.keep("error_type", value)
    if error_type in (None, "other") and text != "other":
        mending.fields.setdefault("error_message", repaired(text)[:256])
    if error_type == CANCELLED:
        mending.fields.setdefault("status", CANCELLED)
        return None
    return error_type or "other"


def mended_score(model: type[Score] | type[StateChange], given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a valid `Score` or `StateChange`, but for its own id where none is given.

    Raises:
        DecodeError: it cannot be counted: it names the field and the reason.
    """
    mending = _Mending(model, {name: value for name, value in given.items() if name != "kind"})
    _require_service(mending, given)
    _require_time(mending, given)
    fields = mending.fields
    if model is Score:
        if "value" not in fields:
            raise DecodeError("value", mending.marks.get("value", "missing"))
        if not fields.get("name"):
            fields["name"] = "other"
            mending.mend("name", "missing")
    else:
        for name in ("breaker", "from_state", "to_state"):
            if name not in fields:
                fields[name] = "other"
                mending.mend(name, "missing")
    if labels := mending.marked("labels"):
        fields["labels"] = labels
    return fields


def mended_mark(given: Mapping[str, Any], *, now_s: float) -> dict[str, Any]:
    """The fields of a valid `Mark`, but for the mark_id where none is given; without a time it holds from now on.

    Raises:
        DecodeError: it does not say what changed, or when in a way that can be read.
    """
    mending = _Mending(Mark, {name: value for name, value in given.items() if name != "kind"})
    fields = mending.fields
    if not fields.get("text"):
        raise DecodeError(
            "text", mending.marks.get("text") or ("empty" if given.get("text") is not None else "missing")
        )
    if "effective_from" not in fields:
        if given.get("effective_from") is not None:  # at a wrong time it would tell something wrong
            raise DecodeError("effective_from", mending.marks["effective_from"])
        fields["effective_from"] = now_s
    if labels := mending.marked("labels"):
        fields["labels"] = labels
    return fields


def _require_service(mending: _Mending, given: Mapping[str, Any]) -> None:
    if not mending.fields.get("service"):
        raise DecodeError("service", mending.marks.get("service") or ("empty" if given.get("service") else "missing"))


def _require_time(mending: _Mending, given: Mapping[str, Any]) -> None:
    if "ts" not in mending.fields:
        raise DecodeError("ts", mending.marks.get("ts") or "missing")


def settle(call: Any) -> None:
    """Resolve what contradicts itself in a decoded call with status, error_type and http_status: see
    `taxonomy.settled`. Where it has tags, they say so."""
    status, error_type = settled(call.status, call.error_type, call.http_status)
    if status == call.status:
        return
    if hasattr(call, "tags"):
        mark = "status: success, though it tells of a failure"
        marks = "; ".join(filter(None, [call.tags.get(MENDED, ""), mark]))
        call.tags = {**call.tags, "callgauge.status": call.status, MENDED: marks}
    call.status, call.error_type = status, error_type


@cache
def _readers(model: type[BaseModel]) -> Mapping[str, Reader]:
    """Field -> what reads it, for each field of a model."""
    return {name: _reader(name, info.annotation, info.metadata) for name, info in model.model_fields.items()}


def _reader(name: str, annotation: Any, metadata: list[Any]) -> Reader:
    if name in ("ts", "effective_from"):
        return time_of
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _reader(name, args[0], [*args[1:], *metadata])
    if origin in (Union, UnionType):
        [inner] = (arg for arg in args if arg is not NoneType)
        return _reader(name, inner, metadata)
    if origin is Literal:
        return choice_reader(args, _SYNONYMS, "other" if "other" in args else None)
    if origin is dict:
        most, longest_name, longest = TAGS_MOST if name == "tags" else (None, 256, 256)
        return texts_reader(longest_name, longest, most)
    if annotation is bool:
        return flag_of
    if annotation is str:
        return _text_reader(name, metadata)
    return _number_reader(name, annotation, metadata)


def _bounds(metadata: list[Any]) -> list[Any]:
    return [part for item in metadata for part in getattr(item, "metadata", [item])]


def _text_reader(name: str, metadata: list[Any]) -> Reader:
    most = next(part.max_length for part in _bounds(metadata) if isinstance(part, MaxLen))
    return id_reader(most) if name in ("event_id", "score_id", "mark_id") else text_reader(most)


def _number_reader(name: str, annotation: Any, metadata: list[Any]) -> Reader:
    bounds = _bounds(metadata)
    least: Any = next(part.ge for part in bounds if isinstance(part, Ge))
    most: Any = next(part.le for part in bounds if isinstance(part, Le))
    # A score may be of either sign and any size, and what counts of it is cut anyhow; a latency of years is a mistake.
    return number_reader(
        least, most, whole=annotation is int, milliseconds=name.endswith("_ms"), judgement=name == "value"
    )


_STATUS = _readers(Call)["status"]
