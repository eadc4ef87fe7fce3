"""One JSON line in the log for each call, for people who search logs before they have anything else.

The lines go through the logger `callgauge.calls` of the standard library, with the message `llm_call` and the fields as
attributes of the record. So a host whose log is made by structlog gets them as fields: add a handler with a
`structlog.stdlib.ProcessorFormatter`, whose `foreign_pre_chain` has `structlog.stdlib.ExtraAdder()`, to that logger.
"""

from __future__ import annotations

import logging
import logging.handlers
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from callgauge.log_once import LogOnce
from callgauge.transport import Outbound

__all__ = ["FIELDS", "LOGGER", "call_log", "log_fields"]

LOGGER = "callgauge.calls"
#: The fields of a line besides timestamp, level, event and error; null where the call has none.
FIELDS = (
    *("trace_id", "event_id", "service", "environment", "operation", "model", "response_model", "provider"),
    *("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "reasoning_tokens"),
    *("latency_ms", "time_to_first_token_ms", "prompt_hash", "cost_usd", "user_id", "session_id", "feature", "status"),
)
_encode, _decode = msgspec.json.encode, msgspec.json.decode
_SINK = "_callgauge_sink"


def log_fields(call: dict[str, Any]) -> dict[str, Any]:
    """The fields of a line, from those of a call as it is sent."""
    fields: dict[str, Any] = {"timestamp": _iso(call.get("ts", 0.0) + (call.get("latency_ms") or 0.0) / 1e3)}
    fields |= {name: value if (value := call.get(name)) != "" else None for name in FIELDS}
    fields |= {"status": call.get("status", "success"), "operation": call.get("operation", "chat")}
    error = {"type": call.get("error_type"), "message": call.get("error_message"), "http": call.get("http_status")}
    fields["error"] = {name: value for name, value in error.items() if value} if fields["status"] == "error" else None
    return fields


def _iso(at_s: float) -> str:
    """When the call ended, in UTC, as structlog's TimeStamper writes it."""
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def call_log(target: str, log: LogOnce) -> Callable[[Outbound], None]:
    """What logs the call in a message.

    Args:
        target: stderr, or the path of a file, which is opened again when it was moved away.
        log: is told, once, when a line cannot be written.
    """
    logger = logging.getLogger(LOGGER)
    logger.setLevel(logging.INFO)
    # The host's own handlers would write the line a second time, and without its fields.
    logger.propagate = False
    if not any(getattr(handler, _SINK, None) == target for handler in logger.handlers):
        logger.addHandler(_handler(target, log))

    def observe(message: Outbound) -> None:
        try:
            logger.info("llm_call", extra=log_fields(_decode(message.value)))
        except Exception as error:
            _tell(log, error)

    return observe


def _handler(target: str, log: LogOnce) -> logging.Handler:
    handler: logging.Handler
    if target == "stderr":
        handler = logging.StreamHandler(sys.stderr)
    else:
        handler = logging.handlers.WatchedFileHandler(target, encoding="utf-8", delay=True)
    handler.setFormatter(_JsonLine())
    setattr(handler, _SINK, target)

    def tell(record: logging.LogRecord) -> None:
        _tell(log, sys.exc_info()[1])

    handler.handleError = tell  # type: ignore[method-assign]  # else each failure prints a traceback
    return handler


def _tell(log: LogOnce, error: BaseException | None) -> None:
    log.warn("log_calls", "a call was not logged: %s: %s (CALLGAUGE_LOG_CALLS)", type(error).__name__, error)


class _JsonLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        given = vars(record)
        line = {"timestamp": given.get("timestamp"), "level": record.levelname.lower(), "event": record.getMessage()}
        return _encode(line | {name: given.get(name) for name in (*FIELDS, "error")}).decode()
