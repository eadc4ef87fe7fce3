"""Exceptions, codes and names become the error types of the taxonomy; a stop by the caller is no error."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from callgauge.failures import failure_of, is_exception
from callgauge.taxonomy import error_type_named, error_type_of_status, settled


def error_named(name: str, bases: tuple[type[BaseException], ...] = (Exception,), **attributes: Any) -> BaseException:
    """An exception of a class with this name, as clients of providers have them."""
    error: BaseException = type(name, bases, {})("the text might hold a prompt")
    for attribute, value in attributes.items():
        setattr(error, attribute, value)
    return error


@pytest.mark.parametrize(
    ("error", "error_type", "http_status", "message"),
    [
        (error_named("RateLimitError", status_code=429), "rate_limit", 429, "RateLimitError"),
        (error_named("APIStatusError", status_code=429), "rate_limit", 429, "APIStatusError"),
        (
            error_named("RateLimitError", status_code=429, code="insufficient_quota"),
            "other",
            429,
            "RateLimitError insufficient_quota",
        ),
        (
            error_named("BadRequestError", status_code=400, code="context_length_exceeded"),
            "context_window_exceeded",
            400,
            "BadRequestError context_length_exceeded",
        ),
        (error_named("ContextWindowExceededError"), "context_window_exceeded", None, "ContextWindowExceededError"),
        (
            error_named("BadRequestError", status_code=400, body={"error": {"code": "content_filter"}}),
            "content_filter_blocked",
            400,
            "BadRequestError content_filter",
        ),
        (error_named("ContentPolicyViolationError"), "content_filter_blocked", None, "ContentPolicyViolationError"),
        (
            error_named("APITimeoutError", (error_named("APIConnectionError").__class__,)),
            "timeout",
            None,
            "APITimeoutError",
        ),
        (error_named("APIConnectionError"), "provider_down", None, "APIConnectionError"),
        (error_named("APIStatusError", status_code=529), "provider_down", 529, "APIStatusError"),
        (error_named("APIStatusError", status_code=504), "timeout", 504, "APIStatusError"),
        (error_named("AuthenticationError", status_code=401), "other", 401, "AuthenticationError"),
        (
            error_named("ClientError", response=type("R", (), {"status_code": 503})()),
            "provider_down",
            503,
            "ClientError",
        ),
        (error_named("HTTPError", code=408), "timeout", 408, "HTTPError"),
        (httpx.ReadTimeout("x"), "timeout", None, "ReadTimeout"),
        (httpx.ConnectError("x"), "provider_down", None, "ConnectError"),
        (json.JSONDecodeError("x", "y", 0), "invalid_response", None, "JSONDecodeError"),
        (error_named("SlowAnswer", (TimeoutError,)), "timeout", None, "SlowAnswer"),
        (ConnectionResetError(), "provider_down", None, "ConnectionResetError"),
        (ValueError("a prompt"), "other", None, "ValueError"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_failures(error: BaseException, error_type: str, http_status: int | None, message: str) -> None:
    """By code, class and HTTP status, in this order; the exception's text is not taken."""
    expected: dict[str, Any] = {"status": "error", "error_type": error_type, "error_message": message}
    assert failure_of(error) == expected | ({"http_status": http_status} if http_status else {})


@pytest.mark.parametrize(
    "error",
    [
        GeneratorExit(), asyncio.CancelledError(), KeyboardInterrupt(), SystemExit(1), KeyboardInterrupt,
        error_named("APIStatusError", status_code=499), error_named("ClientClosedRequestError"),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_a_callers_stop_is_cancelled(error: Any) -> None:
    """Neither an error nor of any type."""
    found = failure_of(error)
    assert (found["status"], "error_type" in found) == ("cancelled", False)


def test_an_exception_whose_attributes_fail_is_read() -> None:
    """What a client's exception computes may itself raise."""

    class Lazy(Exception):
        @property
        def status_code(self) -> int:
            raise RuntimeError("not yet")

    assert failure_of(Lazy()) == {"status": "error", "error_type": "other", "error_message": Lazy.__qualname__[:256]}
    assert (is_exception(Lazy), is_exception(Lazy()), is_exception("Lazy")) == (True, True, False)


@pytest.mark.parametrize(
    ("name", "error_type"),
    [
        ("rate_limit", "rate_limit"), ("RateLimitError", "rate_limit"), ("429", "rate_limit"),
        ("litellm.exceptions.RateLimitError", "rate_limit"), ("ThrottlingException", "rate_limit"),
        ("Timeout", "timeout"), ("DEADLINE_EXCEEDED", "timeout"), ("overloaded_error", "provider_down"),
        ("ServiceUnavailableError", "provider_down"), ("500", "provider_down"),
        ("context_length_exceeded", "context_window_exceeded"), ("content_filter", "content_filter_blocked"),
        ("ResponsibleAIPolicyViolation", "content_filter_blocked"), ("CancelledError", "cancelled"),
        ("499", "cancelled"), ("other", "other"), ("ValueError", None), ("404", None), ("", None),
        ("the connection to my bank " * 9, None),
    ],
)  # fmt: skip
def test_names(name: str, error_type: str | None) -> None:
    """Class names, codes and statuses as text."""
    assert error_type_named(name) == error_type


@pytest.mark.parametrize(
    ("told", "meant"),
    [
        (("success", None, None), ("success", None)),
        (("success", None, 200), ("success", None)),
        (("success", "timeout", None), ("error", "timeout")),
        (("success", None, 429), ("error", "rate_limit")),
        (("success", None, 404), ("error", "other")),
        (("success", None, 499), ("cancelled", None)),
        (("fallback", "rate_limit", 429), ("fallback", "rate_limit")),
        (("error", None, 200), ("error", None)),
        (("cancelled", None, 503), ("cancelled", None)),
    ],
)
def test_contradictions(told: tuple[str, str | None, int | None], meant: tuple[str, str | None]) -> None:
    """What tells of a failure goes before `success`; other statuses are taken at their word."""
    assert settled(*told) == meant


def test_statuses_that_say_nothing() -> None:
    """400, 401 and the like are no kind of their own."""
    assert [error_type_of_status(status) for status in (200, 400, 401, 403, 404, 422)] == [None] * 6
