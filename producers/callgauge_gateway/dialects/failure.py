"""What a span or a payload says of a failure: error type, message and HTTP status of a call."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from callgauge.taxonomy import CANCELLED, error_type_named, error_type_of_status

__all__ = ["codes_in", "failure_fields", "http_status_in"]

# A Python class that was made text where its name was meant: <class 'openai.RateLimitError'>.
_CLASS = re.compile(r"<class '([\w.]{1,128})'>")
_NAME = re.compile(r"[A-Za-z_][\w.:/-]{0,127}")
_STATUS_TEXT = re.compile(r"[1-9][0-9]{2}")
# As the clients of OpenAI and Anthropic begin their messages.
_STATUS = re.compile(r"\bError code: ([1-5]\d\d)\b")
# The provider's code and type in the body of its answer, as clients write it into their messages: Python or JSON.
_CODES = re.compile(r"""['"](?:code|type)['"]\s*:\s*['"]([A-Za-z]\w{0,63})['"]""")
_LONGEST_MESSAGE = 2_048
# OpenTelemetry's word for an error that has no name.
_NAMELESS = frozenset({"_OTHER", "", "other"})


def failure_fields(names: Iterable[Any], http_status: int | None, codes: Iterable[str] = ()) -> dict[str, Any]:
    """status, error_type, error_message and http_status of a call that failed.

    The provider's code decides, else the first name that is known, then the HTTP status; a caller's stop is cancelled.
    The message is made of the names and codes, never of free text, which might hold a prompt.

    Args:
        names: class names, codes or HTTP statuses as text, the most telling first.
        codes: that are known (`codes_in`): a spent quota has the class and status of a rate limit, and is none.
    """
    codes = list(codes)
    found = error_type_named(codes[0]) if codes else None
    told: list[str] = []
    for name in filter(None, map(_name_of, names)):
        if name.isdecimal() and http_status is None:
            http_status = int(name)
        elif not name.isdecimal() and name not in told:
            told.append(name)
        found = found or error_type_named(name)
    if found is None and http_status is not None:
        found = error_type_of_status(http_status)
    told += [code for code in codes[:1] if code not in told]
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


def codes_in(text: Any) -> list[str]:
    """The codes of providers in a client's message whose meaning is known; other words might be a prompt's.

    >>> codes_in("Error code: 400 - {'error': {'message': 'too long', 'code': 'context_length_exceeded'}}")
    ['context_length_exceeded']
    """
    if not isinstance(text, str):
        return []
    return [code for code in _CODES.findall(text[:_LONGEST_MESSAGE]) if error_type_named(code) is not None]


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
