"""The process that `callgauge evaluator` runs; beside an embedded store it is a thread of the sinks' process."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterable

from callgauge.errors import BrokerError
from callgauge.log_lines import log_to_stderr
from callgauge.origins import describe_origins
from callgauge.schema import Alert
from callgauge.settings import Settings
from callgauge_actions.alert_log import AlertLog
from callgauge_evaluator.budget_judge import BudgetJudge
from callgauge_evaluator.complete import Complete, ends_of
from callgauge_evaluator.cursor import note_judged, read_judged
from callgauge_evaluator.evaluator import Evaluator
from callgauge_evaluator.metrics import counted_of
from callgauge_evaluator.rules_topic import HistoryRules, RulesTopic, Written
from callgauge_evaluator.telling import Telling
from callgauge_history.budgets.file import load_budgets
from callgauge_history.migrate import migrate
from callgauge_history.store import Store, StoreUnavailable, open_store
from callgauge_intake.backoff import attempt_until_done
from callgauge_intake.client import open_consumer
from callgauge_intake.consumer import Intake
from callgauge_intake.metrics import serve_metrics
from callgauge_intake.workers import run_workers
from callgauge_rules.rule_sets import RuleBook
from callgauge_rules.rules import load_rules
from callgauge_windows.grouping import parse_groupings

__all__ = ["ROLE", "make_evaluator", "rules_of", "run"]

log = logging.getLogger(__name__)

#: The name of its consumer group.
ROLE = "evaluator"


class GroupSeat:
    """The membership in the group; whoever has the rules topic's partition leads. Nothing is read of it."""

    def __init__(self, settings: Settings, closing: Iterable[Callable[[], None]]) -> None:
        """`closing`: what is closed when the group is left."""
        self._closing = tuple(closing)
        self._topic = settings.topics.rules.name
        self._intake = Intake(open_consumer(settings, ROLE), self._topic, time.monotonic)
        self.assigned: threading.Event = self._intake.assigned

    def leads(self) -> bool:
        """Whether this one leads."""
        return (self._topic, 0) in self._intake.given

    def hold(self, seconds: float) -> None:
        """Wait, and stay a member."""
        self._intake.hold(seconds)

    def close(self) -> None:
        """Leave the group."""
        self._intake.close()
        for close in self._closing:
            close()


def run(settings: Settings, stop: threading.Event | None = None) -> None:
    """Judge rules and budgets from history until SIGTERM, SIGINT or `stop`.

    Raises:
        SystemExit: with code 1 if it failed; the reason is in the log.
        CallgaugeError: it could not be started.
    """
    log_to_stderr(settings.log_level)
    with contextlib.closing(attempt_until_done(lambda: open_store(settings.store_dsn), StoreUnavailable)) as store:
        migrate(store, settings.store_cluster)
        evaluator = make_evaluator(settings, store)
        serve_metrics(settings, ROLE, [], counted_of(evaluator))
        run_workers({ROLE: evaluator}, settings.ready_file, stop)


def make_evaluator(settings: Settings, store: Store, clock: Callable[[], float] = time.time) -> Evaluator:
    """The evaluator of these settings.

    Args:
        clock: epoch seconds.

    Raises:
        RuleError: the rules or budgets file is wrong.
        BrokerError: the broker refuses.
    """
    rules_topic = RulesTopic(settings)
    rules = rules_of(settings, rules_topic.read)
    topics = [settings.topics.calls.name, settings.topics.scores.name]
    found = attempt_until_done(lambda: describe_origins(settings, topics), BrokerError)
    origins = {name: origin.id for name, origin in found.items()}
    group = settings.group(ROLE)
    asks_ends = open_consumer(settings, "reader")
    return Evaluator(
        rules,
        seat=GroupSeat(settings, (rules_topic.close, asks_ends.close)),
        ask=store.query,
        complete=Complete(lambda: ends_of(asks_ends, settings, origins), settings.out_of_orderness_ms),
        told=lambda: _told(settings),
        send=Telling(settings).send,
        cursor=(lambda: read_judged(store.query, group), lambda at_ms: note_judged(store, group, at_ms)),
        clock=clock,
    )


def rules_of(settings: Settings, new: Callable[[], Iterable[Written]]) -> HistoryRules:
    """The rules that no stream judges, those of the rule file and of the rule sets that come later; and the budgets.

    Args:
        new: gives what has come on the rules topic.

    Raises:
        RuleError: a file is wrong.
    """
    budgets = [BudgetJudge(budget) for budget in load_budgets(settings.budgets_file)]
    book = RuleBook(load_rules(settings.rules_file), parse_groupings(settings.groupings))
    return HistoryRules(book, budgets, new)


def _told(settings: Settings) -> Iterable[Alert]:
    with contextlib.closing(AlertLog(settings)) as alerts:
        return alerts.read_to_end().all()
