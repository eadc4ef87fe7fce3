"""From what providers and their clients call a failure to an `error_type`: by HTTP status, by code, by class name.

    rate_limit               429, RateLimitError; but not a quota or a budget that is spent
    context_window_exceeded  413, context_length_exceeded, ContextWindowExceededError
    content_filter_blocked   content_filter, ContentPolicyViolationError, ResponsibleAIPolicyViolation
    timeout                  408, 504, TimeoutError and whatever has timeout in its name, DeadlineExceeded
    invalid_response         JSON that cannot be decoded, APIResponseValidationError, LengthFinishReasonError
    provider_down            500, 502, 503, 529, overloaded, unavailable, connections that fail
    other                    everything else

A stop by the caller (a closed stream, a cancelled task, HTTP 499) is no failure: its status is cancelled.
"""

from __future__ import annotations

import re
from typing import get_args

from callgauge.schema import ErrorType

__all__ = ["CANCELLED", "error_type_named", "error_type_of_status", "settled"]

#: Given instead of an error type where the caller stopped.
CANCELLED = "cancelled"

_ERROR_TYPES = frozenset(get_args(ErrorType))
_BY_STATUS = {
    408: "timeout",
    413: "context_window_exceeded",
    429: "rate_limit",
    499: CANCELLED,
    500: "provider_down",
    502: "provider_down",
    503: "provider_down",
    504: "timeout",
    529: "provider_down",
}
#: What a name, in small letters and without signs, has in it; the first that fits counts.
_BY_PART = (
    ("insufficientquota", "other"),
    ("quotaexceeded", "other"),
    ("spend", "other"),
    ("budget", "other"),
    ("billing", "other"),
    ("cancelled", CANCELLED),
    ("canceled", CANCELLED),
    ("generatorexit", CANCELLED),
    ("keyboardinterrupt", CANCELLED),
    ("systemexit", CANCELLED),
    ("clientclosed", CANCELLED),
    ("clientdisconnect", CANCELLED),
    ("ratelimit", "rate_limit"),
    ("toomanyrequests", "rate_limit"),
    ("throttl", "rate_limit"),
    ("contextlength", "context_window_exceeded"),
    ("contextwindow", "context_window_exceeded"),
    ("contenttoolarge", "context_window_exceeded"),
    ("requesttoolarge", "context_window_exceeded"),
    ("contentfilter", "content_filter_blocked"),
    ("contentpolicy", "content_filter_blocked"),
    ("responsibleaipolicy", "content_filter_blocked"),
    ("timeout", "timeout"),
    ("timedout", "timeout"),
    ("deadlineexceeded", "timeout"),
    ("responsevalidation", "invalid_response"),
    ("schemavalidation", "invalid_response"),
    ("jsondecode", "invalid_response"),
    ("lengthfinishreason", "invalid_response"),
    ("invalidresponse", "invalid_response"),
    ("internalserver", "provider_down"),
    ("overloaded", "provider_down"),
    ("unavailable", "provider_down"),
    ("badgateway", "provider_down"),
    ("connection", "provider_down"),
    ("connecterror", "provider_down"),
    ("remoteprotocol", "provider_down"),
    ("providerdown", "provider_down"),
)
_SIGNS = re.compile(r"[^a-z0-9]+")
# Longer text is no name of an error, and may be somebody's message: it is not searched for parts of names.
_LONGEST_NAME = 128


def error_type_of_status(status: int) -> str | None:
    """The error type of an HTTP status, or CANCELLED; None where the status says nothing of the kind of failure."""
    return _BY_STATUS.get(status)


def error_type_named(name: str) -> str | None:
    """The error type that a class name, a code or the text of an HTTP status stands for, or CANCELLED; None for none.

    >>> error_type_named("litellm.exceptions.RateLimitError")
    'rate_limit'
    >>> error_type_named("insufficient_quota")
    'other'
    >>> error_type_named("ValueError") is None
    True
    """
    text = name.strip().lower()
    if text in _ERROR_TYPES:
        return text
    if len(text) > _LONGEST_NAME:
        return None
    if text.isdecimal():
        return error_type_of_status(int(text))
    word = _SIGNS.sub("", re.split(r"[.:]", text)[-1])
    return next((found for part, found in _BY_PART if part in word), None)


def settled(status: str, error_type: str | None, http_status: int | None) -> tuple[str, str | None]:
    """Status and error type of a call that may contradict itself: what tells of a failure goes before `success`.

    A success with an error_type is an error of that type; a success with an HTTP status of 400 or more is an error of
    the type that the status stands for (499: cancelled). Other statuses are taken at their word: a fallback may name
    the error that led to it, an error may come with HTTP 200.
    """
    if status != "success":
        return status, error_type
    if error_type is not None:
        return "error", error_type
    if http_status is not None and http_status >= 400:
        found = error_type_of_status(http_status)
        return (CANCELLED, None) if found == CANCELLED else ("error", found or "other")
    return status, None
