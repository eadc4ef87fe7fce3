"""Warnings in the log of the host, once per kind."""

from __future__ import annotations

import contextlib
import logging
import math
import time
from collections import Counter
from collections.abc import Callable

from callgauge.printable import printable
from callgauge.security.explain import explained

__all__ = ["LibrdkafkaLog", "LogOnce"]


class LogOnce:
    """Warns once per kind, so that a failure that repeats a million times is one line in the host's log.

    Args:
        most_kinds: so many kinds are logged; of more nothing is said.
        again_after_s: a kind is logged again if it happens so many seconds later; never by default.
        clock: seconds, monotonic.
        clean: what each line goes through, as a redactor's `text`.

    Attributes:
        counts: kind -> how often it happened, logged or not.
    """

    def __init__(
        self,
        logger: logging.Logger,
        most_kinds: int = 100,
        again_after_s: float = math.inf,
        clock: Callable[[], float] = time.monotonic,
        clean: Callable[[str], str] = str,
    ) -> None:
        self.counts: Counter[str] = Counter()
        self._logger = logger
        self._most_kinds = most_kinds
        self._again_after_s = again_after_s
        self._clock = clock
        self._clean = clean
        self._logged_at: dict[str, float] = {}

    def warn(self, kind: str, message: str, *args: object) -> None:
        """Log `message % args` unless `kind` was logged before, or too many kinds were.

        Control characters are shown as escapes: what a message quotes may come from anybody.
        """
        now_s, before_s = self._clock(), self._logged_at.get(kind)
        if before_s is None and len(self._logged_at) >= self._most_kinds:
            return
        self.counts[kind] += 1
        if before_s is not None and now_s - before_s < self._again_after_s:
            return
        self._logged_at[kind] = now_s
        # When the host's own log handler fails there is nowhere to say so; what happened is counted all the same.
        with contextlib.suppress(Exception):
            text = printable(self._clean(message % args if args else message))
            self._logger.warning("%s (%s)", text, self._what_of_further_ones())

    def _what_of_further_ones(self) -> str:
        if math.isinf(self._again_after_s):
            return "further ones are only counted"
        return f"further ones within {self._again_after_s:g} s are not logged"


class LibrdkafkaLog:
    """A logger for librdkafka clients, which say the same several times a second for as long as a broker is down.

    Each kind of warning or error is logged once, as a warning, since librdkafka goes on trying by itself; where a
    broker refuses us, with the setting that is meant. What is below a warning goes to the logger as it is.
    """

    def __init__(self, again_after_s: float = math.inf) -> None:
        self._logger = logging.getLogger("callgauge.librdkafka")
        self._once = LogOnce(self._logger, again_after_s=again_after_s)

    @property
    def counts(self) -> Counter[str]:
        """Kind -> how often it was warned of, logged or not."""
        return self._once.counts

    def log(self, level: int, message: str, *args: object) -> None:
        """What confluent-kafka calls, with the kind ("FAIL"), the client's name and the text as `args`."""
        if level < logging.WARNING:
            self._logger.log(level, message, *args)
        else:
            meant = explained(str(args[-1])) if args else ""
            kind = str(args[0]) if args else message
            self._once.warn(kind, f"{message}; %s" if meant else message, *args, *([meant] if meant else []))
