"""What an operator gets to see of what Faust, mode and aiokafka log."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

__all__ = ["LibraryLines"]

_LIBRARIES = frozenset({"aiokafka", "faust", "mode"})
_AGAIN_AFTER_S = 60.0


class LibraryLines(logging.Filter):
    """Leaves out the steps that these libraries report, and what they repeat.

    For each of its services (also for those of ours that are one) Faust reports "[^--Name]: Starting..." and the like;
    while a broker is down aiokafka says the same dozens of times a second. A library's warnings and errors pass once a
    minute if they are of the same text, apart from what is filled in. All other lines pass.

    Args:
        clock: seconds, monotonic.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._passed_at: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether a line is logged."""
        text = str(record.msg)
        is_library = record.name.partition(".")[0] in _LIBRARIES
        if record.levelno < logging.WARNING:
            return not (is_library or text.startswith("[^"))
        return not is_library or record.exc_info is not None or self._is_due((record.name, text))

    def _is_due(self, kind: tuple[str, str]) -> bool:
        now_s = self._clock()
        if now_s - self._passed_at.get(kind, now_s - _AGAIN_AFTER_S) < _AGAIN_AFTER_S:
            return False
        # Texts with something filled in already would make ever more kinds; what has passed long ago is forgotten.
        self._passed_at = {other: at for other, at in self._passed_at.items() if now_s - at < _AGAIN_AFTER_S}
        self._passed_at[kind] = now_s
        return True
