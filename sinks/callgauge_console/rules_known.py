"""The rule sets, as the rules topic has them; read again and again, beside the requests."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from typing import Protocol

from callgauge.errors import BrokerError, RuleError
from callgauge.printable import printable
from callgauge.schema import RuleSet
from callgauge.settings import Settings
from callgauge_rules.rule_sets import RuleBook
from callgauge_rules.rules import load_rules
from callgauge_windows.grouping import parse_groupings

__all__ = ["RuleSetWriter", "RulesKnown"]

log = logging.getLogger(__name__)

_EVERY_S = 2.0

#: Offset, append time in epoch ms, and value of a record.
Written = tuple[int, int, bytes | None]


class RuleSetWriter(Protocol):
    """Where rule sets are written; see `callgauge_actions.publish.RuleSetPublisher`."""

    def publish(self, rule_set: RuleSet) -> None: ...


class RulesKnown:
    """See above.

    Args:
        new: the records of the rules topic that came since it was called last; raises BrokerError.
        writer: where sets are pushed to.
    """

    def __init__(self, settings: Settings, new: Callable[[], Iterable[Written]], writer: RuleSetWriter) -> None:
        self._settings = settings
        self._new = new
        self._stop = threading.Event()
        self._book: RuleBook | None = None
        self.writer = writer
        self.problem = ""
        """Why the topic could not be read; what is known is then older."""

    def book(self) -> RuleBook:
        """What is known.

        Raises:
            RuleError: the rule file of the settings cannot be used.
        """
        if self._book is None:
            settings = self._settings
            self._book = RuleBook(load_rules(settings.rules_file), parse_groupings(settings.groupings))
        return self._book

    def run(self) -> None:
        """Read until `stop` is called."""
        while not self._stop.is_set():
            self.look()
            self._stop.wait(_EVERY_S)

    def look(self) -> None:
        """Read once. A set that cannot be used is passed over, as everybody does who judges by them."""
        try:
            book = self.book()
            for record in self._new():
                book.take(*record)
            self.problem = ""
        except (BrokerError, RuleError) as error:
            if not self.problem:
                log.warning("the rules cannot be read: %s", printable(str(error)))
            self.problem = str(error)

    def stop(self) -> None:
        """End soon. To be called from another thread."""
        self._stop.set()
