"""Redacts the fields of a message: every text in it, whatever field it stands in."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from callgauge.counted import LABELS
from callgauge.failures import is_exception
from callgauge.field_reading import text_reader
from callgauge.redaction.cutting import cut_redacted
from callgauge.redaction.redactor import FAILED, Redactor

__all__ = ["redacted_fields"]

#: Ids by which messages are told apart and joined: what is replaced in them leaves them different.
_IDS = frozenset({"event_id", "score_id", "trace_id", "span_id", "parent_span_id"})
#: Ids of people, which stay apart where a key is set.
_PEOPLE = frozenset({"user_id", "session_id"})
#: What tells of a call in a few words.
_LABELS = frozenset(LABELS) | {"name", "status", "error_type", "finish_reason", "price_source", "prompt_hash", "origin"}
#: No field keeps more, so nothing longer is looked at. Characters.
_LONGEST = 65_536
_PLAIN = (bool, int, float, type(None))
_text_of = text_reader(None)


def redacted_fields(redactor: Redactor, fields: Mapping[str, Any]) -> dict[str, Any]:
    """The same fields without personal data and secrets. What holds none stays the object that it was.

    Exceptions are left alone, since of them only the class and the code are sent (`failures.failure_of`). Of a field
    that cannot be looked at nothing is sent.
    """
    redacted, is_clean = dict(fields), redactor.is_clean
    for name, value in fields.items():
        kind = type(value)
        if not (is_clean(value) if kind is str else kind in _PLAIN or _is_clean(redactor, value)):
            try:
                redacted[name] = _redacted(redactor, name, value)
            except Exception:  # whatever a host's own objects raise, and what nests too deep
                redacted[name] = FAILED
    return redacted


def _is_clean(redactor: Redactor, value: Any) -> bool:
    """Whether it is plain, without looking for anything, that the value stays as it is: so with most."""
    kind = type(value)
    if kind is str:
        return redactor.is_clean(value)
    if kind is dict:
        return all(type(part) is str and redactor.is_clean(part) for pair in value.items() for part in pair)
    return kind in _PLAIN


def _redacted(redactor: Redactor, name: str, value: Any) -> Any:
    if _is_clean(redactor, value) or is_exception(value):
        return value
    if name in _IDS:
        return _by(redactor.id, value)
    if name in _PEOPLE:
        return _by(redactor.identity, value)
    if name in _LABELS:
        return _by(redactor.label, value)
    if isinstance(value, Mapping):
        return {_by(redactor.text, key): _redacted(redactor, "", inner) for key, inner in value.items()}
    return _by(lambda text: _bounded(redactor, text), value)


def _by(redact: Callable[[str], str], value: Any) -> Any:
    """The value's text redacted; the value itself where there was nothing to redact, so that it is read as it is."""
    text = value if type(value) is str else _text_of(value)[0]
    if text is None:
        return value
    redacted = redact(text)
    return value if redacted == text else redacted


def _bounded(redactor: Redactor, text: str) -> str:
    return redactor.text(text) if len(text) <= _LONGEST else cut_redacted(redactor, text, _LONGEST)[0]
