"""The rules that detect's engines judge by, as they change while it runs.

Records of the windows topic may be judged only by whoever knows all rule sets that are about them. A set is about
windows that end `LEAST_AHEAD_MS` or more after it was appended, and no window is judged before it has ended. So it is
enough that the rules topic was read to its end so shortly before: `fresh` sees to that.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime

from callgauge.errors import BrokerError
from callgauge.settings import Settings
from callgauge_rules.baselines import Baselines
from callgauge_rules.in_force import InForce, in_force
from callgauge_rules.rule_sets import LEAST_AHEAD_MS, KnownSet, RuleBook
from callgauge_rules.rules import load_rules
from callgauge_streams.detect.late import LATE_MS
from callgauge_streams.detect.rules_topic import RulesTopic, Unusable
from callgauge_windows.grouping import parse_groupings

__all__ = ["RulesInForce"]

log = logging.getLogger(__name__)

# Half of what is allowed; the other half is for brokers whose clocks differ.
_EVERY_S = LEAST_AHEAD_MS / 2_000
_AGAIN_S = 1.0
# Rows of windows before are judged by no rule.
_BEFORE_MS = LATE_MS + 3_600_000


class RulesInForce:
    """See above.

    Args:
        clock: seconds that only go forward.
    """

    def __init__(self, settings: Settings, clock: Callable[[], float] = time.monotonic) -> None:
        book = RuleBook(load_rules(settings.rules_file), parse_groupings(settings.groupings))
        self._topic, self._book, self._clock = RulesTopic(settings, book), book, clock
        self._read_s: float | None = None
        # Partitions that are assigned together ask together, and the topic is read from one thread at a time.
        self._reading = asyncio.Lock()
        self._told = 0
        self._unusable: list[Unusable] = []
        for each in (each for each in book.at(0).placed if each.bound is None):
            log.warning("rule %s is not judged here but evaluated from history: %s", each.rule.name, each.why)

    @property
    def version(self) -> int:
        """Changes whenever other rules are known."""
        return self._book.version

    @property
    def baselines(self) -> Baselines:
        """Those that are pinned, as far as the topic was read."""
        return self._book.baselines

    async def fresh(self) -> None:
        """Read what the rules topic has got, unless that is known. While the broker does not answer nothing may be
        judged: it is asked until it does."""
        async with self._reading:
            while self._read_s is None or self._clock() - self._read_s >= _EVERY_S:
                began_s = self._clock()
                try:
                    unusable = await asyncio.to_thread(self._topic.read)
                except BrokerError as error:
                    log.warning("nothing is judged until the rules topic can be read: %s", error)
                    await asyncio.sleep(_AGAIN_S)
                    continue
                self._read_s = began_s
                self._note(unusable)

    def _note(self, unusable: list[Unusable]) -> None:
        self._unusable += unusable
        for each in unusable:
            what = "cannot be used, the rules in force stay"
            log.error(f"rules topic, offset %d: {what}: %s", each.refused.offset, each.refused.reason)
        self._tell()

    def take_unusable(self) -> list[Unusable]:
        """The records that cannot be used, each once."""
        found, self._unusable = self._unusable, []
        return found

    def known_at(self, log_ms: int) -> list[InForce]:
        """The rules of the stream for whoever goes on judging when the log's clock is there, and after it."""
        return in_force(self._book.since(log_ms - _BEFORE_MS))

    def _tell(self) -> None:
        if self._told != self._book.version:
            self._told = self._book.version
            for each in self._book.all()[1:]:
                log.info("rule set %s of %s: %s", each.version, each.author or "unknown", _what(each))


def _what(known: KnownSet) -> str:
    since = datetime.fromtimestamp(known.from_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"{len(known.placed)} rules, in force for windows that end at {since} or later"
