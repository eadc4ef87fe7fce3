"""The lines of a process's log."""

from __future__ import annotations

import logging

from callgauge.log_lines import LineFormatter
from callgauge.log_once import LogOnce


def line_of(message: str, *args: object, error: BaseException | None = None) -> str:
    trace = None if error is None else (type(error), error, None)
    record = logging.LogRecord("callgauge.sinks", logging.ERROR, __file__, 1, message, args, trace)
    return LineFormatter().format(record)


def test_a_message_is_one_line() -> None:
    """Time, level, who, what; control characters and line breaks of what is quoted are escaped."""
    line = line_of("unreadable: %s", "\x1b[2J\n2026-01-01 forged\u2028\ud83d")
    assert line.endswith(r" ERROR callgauge.sinks: unreadable: \x1b[2J\n2026-01-01 forged\u2028\ud83d")


def test_a_traceback_is_indented() -> None:
    """So that no line of it can be taken for another message."""
    error = ValueError("\x1b[2J\n2026-01-01 00:00:00,000 INFO callgauge: all is well")
    first, *rest = line_of("it broke", error=error).split("\n")
    assert first.endswith("ERROR callgauge.sinks: it broke")
    assert rest[-2] == r"    ValueError: \x1b[2J"
    assert rest[-1] == "    2026-01-01 00:00:00,000 INFO callgauge: all is well"


def test_the_host_s_log_gets_ordinary_characters() -> None:
    """A warning of the SDK quotes what callers gave it."""
    logger = logging.getLogger("test.once")
    records: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: records.append(record.getMessage())  # type: ignore[method-assign]
    logger.addHandler(handler)
    log = LogOnce(logger)
    for _ in range(3):
        log.warn("unknown x", "no field %s", "\x1b[2J")
    logger.removeHandler(handler)
    assert records == [r"no field \x1b[2J (further ones are only counted)"]
