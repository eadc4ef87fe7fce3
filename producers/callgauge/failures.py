"""What an exception says of a call: its status, error type and HTTP status."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any

from callgauge.taxonomy import CANCELLED, error_type_named, error_type_of_status

__all__ = ["failure_of", "is_exception"]

_CODE = re.compile(r"[A-Za-z][\w.-]{0,63}")
# Names that say nothing: every exception has these among its ancestors.
_GENERAL = frozenset({"Exception", "BaseException", "object"})


def is_exception(value: Any) -> bool:
    """Whether `value` is an exception or a class of exceptions."""
    return isinstance(value, BaseException) or (isinstance(value, type) and issubclass(value, BaseException))


def failure_of(error: BaseException | type[BaseException]) -> dict[str, Any]:
    """The fields of `Call` that an exception gives: status, error_type (not for one that is cancelled), error_message
    and, where it has one, http_status.

    A caller's stop (GeneratorExit, CancelledError, KeyboardInterrupt, SystemExit, HTTP 499) is cancelled, not an error.
    The message is the name of the class, with the provider's code where it has one, and never the exception's own text,
    which might hold a prompt.
    """
    kind = error if isinstance(error, type) else type(error)
    status, code = _http_status(error), _code(error)
    found = _kind_of(kind, status, code)
    name = kind.__qualname__[:256]
    fields: dict[str, Any] = {"status": "error", "error_message": f"{name} {code}" if code else name}
    if found == CANCELLED:
        fields["status"] = "cancelled"
    else:
        fields["error_type"] = found
    if status is not None:
        fields["http_status"] = status
    return fields


def _kind_of(kind: type[BaseException], status: int | None, code: str) -> str:
    """The code knows best (a request that was too long is a BadRequestError), then the class, then the status."""
    by_code = error_type_named(code) if code else None
    if by_code is not None:
        return by_code
    for ancestor in kind.__mro__:
        if ancestor.__name__ not in _GENERAL and (by_name := error_type_named(ancestor.__name__)):
            return by_name
    return (error_type_of_status(status) if status is not None else None) or "other"


def _http_status(error: Any) -> int | None:
    """As openai, anthropic, litellm, httpx, aiohttp, requests and botocore have it."""
    for found in (_attribute(error, "status_code"), _attribute(error, "http_status"), _attribute(error, "status"),
                  _attribute(_attribute(error, "response"), "status_code"), _attribute(error, "code")):  # fmt: skip
        if isinstance(found, int) and not isinstance(found, bool) and 100 <= found <= 999:
            return int(found)
    return None


def _code(error: Any) -> str:
    """The provider's own code, such as context_length_exceeded; "" if there is none."""
    body = _attribute(error, "body")
    inner = body.get("error", body) if isinstance(body, dict) else None
    inside = (inner.get("code"), inner.get("type")) if isinstance(inner, dict) else ()
    for found in (_attribute(error, "code"), *inside):
        if isinstance(found, str) and _CODE.fullmatch(found):
            return found
    return ""


def _attribute(error: Any, name: str) -> Any:
    """An attribute of an exception of somebody else; None where it has none, or computing it fails."""
    with suppress(Exception):
        return getattr(error, name, None)
    return None
