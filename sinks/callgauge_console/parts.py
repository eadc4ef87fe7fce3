"""What the routes work with."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Protocol, runtime_checkable

from fastapi import Depends, Request
from prometheus_client import CollectorRegistry, ProcessCollector

from callgauge.judgements import Redact
from callgauge.settings import Settings
from callgauge.transport import Outbound
from callgauge_actions.desk import Desk
from callgauge_console.pipeline import Pipeline
from callgauge_console.remembered import Remembered
from callgauge_console.rules_known import RulesKnown
from callgauge_history.prometheus.collector import ProductCollector
from callgauge_history.store import Ask

__all__ = ["ChangingStore", "Given", "Parts", "ScoreWriter", "Store"]

#: How long an answer holds: of a time that goes on, so that several browsers ask once; and of one that is over.
_LIVE_S, _PAST_S = 0.5, 20.0
#: So long after its end a time is over: few calls come that late.
_OVER_S = 900.0


class Store(Protocol):
    """Where the history is asked; see `callgauge_history.store.Store`."""

    @property
    def query(self) -> Ask: ...


@runtime_checkable
class ChangingStore(Store, Protocol):
    """The same where this process holds the store, and can change it."""

    def command(self, sql: str) -> None: ...
    def insert(self, table: str, rows: Any) -> None: ...


class ScoreWriter(Protocol):
    """Where judgements are written; see `callgauge_console.score_bus.ScoreBus`."""

    def publish(self, messages: Sequence[Outbound]) -> None: ...


@dataclass(frozen=True)
class Parts:
    """See above.

    Attributes:
        desk: the alerts; raises NotReadYet while they cannot be read.
        redact: gives the fields of a judgement without personal data and secrets.
        now: epoch seconds.
    """

    settings: Settings
    store: Store
    desk: Callable[[], Desk]
    scores: ScoreWriter
    pipeline: Pipeline
    rules: RulesKnown
    redact: Redact = dict
    now: Callable[[], float] = time.time

    @cached_property
    def _live(self) -> Ask:
        return Remembered(self.store.query, _LIVE_S)

    @cached_property
    def _past(self) -> Ask:
        return Remembered(self.store.query, _PAST_S)

    def ask_of(self, end_s: float) -> Ask:
        """Where to ask about a time that ends then, epoch seconds; an answer holds for a moment."""
        return self._past if end_s < self.now() - _OVER_S else self._live

    @cached_property
    def registry(self) -> CollectorRegistry:
        """What Prometheus scrapes; its counters begin when it is first asked for."""
        made = CollectorRegistry()
        ProcessCollector(registry=made)
        made.register(ProductCollector(self.store.query, self.settings, now=self.now))
        return made


def _parts_of(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


Given = Annotated[Parts, Depends(_parts_of)]
