"""What a failure says of a measured call: what `callgauge.failures` says, and some that only answers tell."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from callgauge.clients.parts import part
from callgauge.failures import failure_of
from callgauge.taxonomy import error_type_named

__all__ = ["failure_of_call", "failure_of_code", "retries_before"]

#: Codes for a fault inside the provider, as they come in the middle of a stream, where no HTTP status can tell.
_PROVIDERS_FAULT = frozenset({"server_error", "api_error"})


def failure_of_code(code: Any) -> dict[str, Any]:
    """The fields of a call whose answer names the code of an error; no code is one that is not known."""
    text = code if isinstance(code, str) else ""
    known = "provider_down" if text in _PROVIDERS_FAULT else error_type_named(text)
    if known == "cancelled":
        return {"status": "cancelled", "error_message": text}
    return {"status": "error", "error_type": known or "other", "error_message": text[:64]}


def failure_of_call(error: BaseException, answered_with: int | None) -> dict[str, Any]:
    """The fields of a call that ended with an exception.

    Args:
        answered_with: the HTTP status of the answer, if there was one. An answer that was good for HTTP, but from
            which the client could not make what it should, is an invalid response; one that tells of an error is not.
    """
    fields = failure_of(error)
    if fields.get("error_type") == "other":
        body = part(error, "body")
        codes = set(_codes_in({"code": part(error, "code")})) | set(_codes_in(body) if isinstance(body, dict) else ())
        if not codes.isdisjoint(_PROVIDERS_FAULT):
            fields["error_type"] = "provider_down"
        elif answered_with is not None and answered_with < 400 and not isinstance(body, dict):
            fields["error_type"] = "invalid_response"
    return fields


def _codes_in(body: dict[str, Any]) -> list[str]:
    inner = body.get("error", body)
    found = (part(inner, "code"), part(inner, "type")) if isinstance(inner, dict) else ()
    return [code for code in found if isinstance(code, str)]


def retries_before(failed: Any) -> int | None:
    """How often the client had tried before, as its last request says; None where it does not."""
    headers = part(failed, "request", "headers")
    with suppress(TypeError, ValueError):
        return int(headers.get("x-stainless-retry-count")) if headers is not None else None
    return None
