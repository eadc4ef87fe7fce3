"""Of what Faust, mode and aiokafka log an operator sees what matters, once."""

from __future__ import annotations

import logging
import sys

from callgauge.testing import ManualClock
from callgauge_streams.worker.library_lines import LibraryLines


def record(name: str, level: int, text: str, *args: object) -> logging.LogRecord:
    return logging.LogRecord(name, level, __file__, 1, text, args, None)


def test_steps_of_services_are_left_out() -> None:
    """Those of the libraries, and of our services too; our own lines pass."""
    lines = LibraryLines()
    assert not lines.filter(record("faust.worker", logging.INFO, "[^Worker]: Starting..."))
    assert not lines.filter(record("callgauge_streams.worker.app", logging.INFO, "[^-App]: Starting..."))
    assert not lines.filter(record("aiokafka.consumer.group_coordinator", logging.INFO, "Joined group"))
    assert lines.filter(record("callgauge_streams.bus.fetching", logging.INFO, "assigned %s", "llm.calls/0"))
    assert lines.filter(record("callgauge_streams.worker.app", logging.ERROR, "[^-App]: Crashed reason=%r", "x"))


def test_what_repeats_passes_once_a_minute() -> None:
    """By its text, whatever is filled in; another text is another matter, and so is ours."""
    clock = ManualClock()
    lines = LibraryLines(clock)
    down = [lines.filter(record("aiokafka", logging.ERROR, "Unable connect to node %s", n)) for n in range(100)]
    assert down == [True] + [False] * 99
    assert lines.filter(record("aiokafka", logging.ERROR, "Unable to update metadata"))
    assert all(lines.filter(record("callgauge_streams", logging.ERROR, "lost")) for _ in range(3))
    clock.advance(60.0)
    assert lines.filter(record("aiokafka", logging.ERROR, "Unable connect to node %s", 1))


def test_a_traceback_always_passes() -> None:
    """It ends a worker, and says where."""
    lines = LibraryLines()
    crash = record("mode.services", logging.ERROR, "Crashed")
    try:
        raise ValueError("x")
    except ValueError:
        crash.exc_info = sys.exc_info()
    assert all(lines.filter(crash) for _ in range(3))
