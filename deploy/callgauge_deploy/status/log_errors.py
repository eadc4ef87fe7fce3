"""Finds the last line about an error of each process in the stack's log."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from callgauge_deploy.process_log import split_line

__all__ = ["last_errors", "read_last_errors"]

#: An error older than so many bytes of log is not looked for.
_TAIL_BYTES = 4 << 20
_ERROR = re.compile(
    r"\b(?:ERROR|CRITICAL)\b"  # Python's logging, Faust, tansu
    r"|^%[0-3]\|"  # librdkafka, by syslog's levels
    r"|^(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Chain)\b:?"  # the last line of a traceback
    r"|^callgauge: error: |^(?:sink \w+|notifier \w+|console): "  # a command or worker that gives up
    r"|was killed by signal|ended with exit code"  # the supervisor
)


def last_errors(lines: Iterable[str]) -> dict[str, str]:
    """Process -> the last of its lines that tells of an error.

    >>> last_errors(["rollup  | fine", "sinks   | ValueError: no", "sinks   | going on"])
    {'sinks': 'ValueError: no'}
    """
    found: dict[str, str] = {}
    for line in lines:
        name, said = split_line(line)
        if name and _ERROR.search(said):
            found[name] = said
    return found


def read_last_errors(log: Path) -> dict[str, str]:
    """`last_errors` of the end of a log; empty if there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except FileNotFoundError:
        return {}
    return last_errors(text.split("\n"))
