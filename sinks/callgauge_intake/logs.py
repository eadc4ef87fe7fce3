"""Where the log of a sink or notifier process goes."""

from __future__ import annotations

import logging
import sys

__all__ = ["log_to_stderr"]


def log_to_stderr(level: str) -> None:
    """Write this process's log to stderr, messages of `level` and above."""
    logging.basicConfig(level=level, stream=sys.stderr, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # httpx logs a line for each request; the requests of a webhook do not belong in our log.
    logging.getLogger("httpx").setLevel(logging.WARNING)
