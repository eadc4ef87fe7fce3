"""What a span or a payload says of a failure: error type, message and HTTP status of a call."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from callgauge.taxonomy import CANCELLED, error_type_named, error_type_of_status

__all__ = ["failure_fields", "http_status_in"]

# A Python class that was made text where its name was meant: <class 'openai.RateLimitError'>.
_CLASS = re.compile(r"<class '([\w.]{1,128})'>")
_NAME = re.compile(r"[A-Za-z_][\w.:/-]{0,127}")
_STATUS_TEXT = re.compile(r"[1-9][0-9]{2}")
# As the clients of OpenAI and Anthropic begin their messages.
_STATUS = re.compile(r"\bError code: ([1-5]\d\d)\b")
# OpenTelemetry's word for an error that has no name.
_NAMELESS = frozenset({"_OTHER", "", "other"})


def failure_fields(names: Iterable[Any], http_status: int | None) -> dict[str, Any]:
    """status, error_type, error_message and http_status of a call that failed.

    The first name that is known decides, then the HTTP status; a caller's stop is cancelled. The message is made of the
    names, never of free text, which might hold a prompt.

    Args:
        names: class names, codes or HTTP statuses as text, the most telling first.
    """
    found: str | None = None
    told: list[str] = []
    for name in filter(None, map(_name_of, names)):
        if name.isdecimal() and http_status is None:
            http_status = int(name)
        elif not name.isdecimal() and name not in told:
            told.append(name)
        found = found or error_type_named(name)
    if found in (None, "other") and http_status is not None:
        found = found or error_type_of_status(http_status)
    fields: dict[str, Any] = {"status": "error", "error_message": " ".join(told)[:256]}
    if found == CANCELLED:
        fields["status"] = CANCELLED
    else:
        fields["error_type"] = found or "other"
    if http_status is not None:
        fields["http_status"] = http_status
    return fields


def http_status_in(text: Any) -> int | None:
    """The HTTP status that a client's message begins with; None for none.

    >>> http_status_in("Error code: 429 - {'error': {'message': 'Rate limit reached'}}")
    429
    """
    match = _STATUS.search(text[:256]) if isinstance(text, str) else None
    return int(match[1]) if match else None


def _name_of(given: Any) -> str:
    value: str
    if isinstance(given, int) and not isinstance(given, bool):
        return str(given)
    if not isinstance(given, str):
        return ""
    value = given
    if match := _CLASS.fullmatch(value):
        value = match[1]
    if value in _NAMELESS:
        return ""
    if not (_STATUS_TEXT.fullmatch(value) or _NAME.fullmatch(value)):
        return ""
    return value.rpartition(".")[2]  # a class without its module, as our own SDK has it
