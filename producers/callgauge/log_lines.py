"""Where the log of a process of callgauge goes, and the form of its lines."""

from __future__ import annotations

import logging
import sys

from callgauge.printable import printable, printable_lines

__all__ = ["LINE_FORMAT", "LineFormatter", "log_to_stderr"]

#: Libraries whose lines say what ours say in better words, or show requests, and the least level that is let through:
#: httpx a line for each request, those of a webhook among them; the two others, while ClickHouse is away, one with the
#: whole statement and the values that are asked for, and one that says nothing.
_QUIET = {"httpx": logging.WARNING, "urllib3": logging.ERROR, "clickhouse_connect.driver._backend": logging.ERROR}

LINE_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class LineFormatter(logging.Formatter):
    """One line for each message, whatever it quotes; a traceback follows, indented.

    Control characters and line breaks in messages are shown as escapes. So nobody who sends events can clear the screen
    of whoever reads the log, or forge a line of it.
    """

    def __init__(self) -> None:
        super().__init__(LINE_FORMAT)

    def formatMessage(self, record: logging.LogRecord) -> str:
        """The line, escaped."""
        return printable(super().formatMessage(record))

    def formatException(self, ei: object) -> str:
        """The traceback, escaped and indented."""
        text: str = super().formatException(ei)  # type: ignore[arg-type]  # what logging gives it
        return "    " + printable_lines(text).replace("\n", "\n    ")


def log_to_stderr(level: str, *filters: logging.Filter) -> None:
    """Write this process's log to stderr, messages of `level` and above that pass all filters.

    A log that is set up already is left alone.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter())
    for chosen in filters:
        handler.addFilter(chosen)
    logging.basicConfig(level=level, handlers=[handler])
    for name, least in _QUIET.items():
        logging.getLogger(name).setLevel(least)
