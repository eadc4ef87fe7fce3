"""One leads, the others wait; a new leader goes on where the old one was; nothing is told twice or left out."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from callgauge.errors import BrokerError
from callgauge.schema import Alert
from callgauge_evaluator.complete import Complete
from callgauge_evaluator.evaluation import RuleJudge
from callgauge_evaluator.evaluator import Evaluator
from callgauge_evaluator.lives import Lives, subject_of, timing_of
from callgauge_evaluator.metrics import counted_of
from callgauge_history.store import Ask, Parameters, QueryResult, StoreUnavailable
from tests.unit.sinks.evaluator.test_lives import T0_MS, rule_of, subjects

MINUTE_MS = 60_000
#: Rank of ada's errors, minute by minute.
COURSE = [0, 0, 2, 2, 2, 2, 0, 0, 0, 0, 0, 0, 0, 2, 2, 2, 2, 2, 2, 2, 2, 0, 0, 0, 0, 0]


class Course(RuleJudge):
    """A rule that says what is written above."""

    def __init__(self) -> None:
        self._written = rule_of()
        super().__init__(self._written)

    def judge(self, ask: Ask, lives: Lives, at_ms: int) -> list[Alert]:
        ask("judge")
        minute, bound = (at_ms - T0_MS) // MINUTE_MS, self._written.bound
        rank = COURSE[minute] if 0 <= minute < len(COURSE) else 0
        missing = lambda labels: subject_of(bound, (labels["user_id"],), None)  # noqa: E731
        return lives.judge("r", timing_of(bound), subjects(self._written, (rank, 0)), at_ms, missing)


COURSES = Course()


class Bus:
    """Topic, store and clock of several evaluators."""

    def __init__(self) -> None:
        self.topic: list[Alert] = []
        self.cursor: int | None = None
        self.now_ms = T0_MS + 5_000
        self.refuses = self.is_down = False

    def ask(self, sql: str, parameters: Parameters | None = None) -> QueryResult:
        if self.is_down:
            raise StoreUnavailable("ClickHouse is down")
        return QueryResult([], [])

    def send(self, alerts: Sequence[Alert]) -> None:
        if self.refuses:
            self.topic += alerts[:1]  # some may have come through
            raise BrokerError("no answer")
        self.topic += alerts

    def note(self, at_ms: int) -> None:
        self.cursor = at_ms

    def read(self) -> None:
        pass

    def at(self, at_ms: int) -> list[Course]:
        return [COURSES]

    def told(self) -> list[Alert]:
        return list({alert.fingerprint: alert for alert in self.topic}.values())

    def evaluator(self, seat: Seat) -> Evaluator:
        return Evaluator(
            self,
            seat=seat,
            ask=self.ask,
            complete=Complete(dict, 2_000),
            told=self.told,
            send=self.send,
            cursor=(lambda: self.cursor, self.note),
            clock=lambda: self.now_ms / 1000,
        )


class Seat:
    """A membership that leads or not, as the test says."""

    def __init__(self, leads: bool) -> None:
        self.assigned = threading.Event()
        self.does = leads

    def leads(self) -> bool:
        return self.does

    def hold(self, seconds: float) -> None:
        pass

    def close(self) -> None:
        pass


def alone() -> list[Alert]:
    bus = Bus()
    evaluator = bus.evaluator(Seat(True))
    for _ in COURSE:
        evaluator.step()
        bus.now_ms += MINUTE_MS
    return bus.topic


def once(alerts: Sequence[Alert]) -> list[Alert]:
    """Each transition once, and all that came twice are equal."""
    found: dict[tuple[str, int], Alert] = {}
    for alert in alerts:
        assert found.setdefault((alert.alert_id, alert.seq), alert) == alert
    return list(found.values())


def test_the_course_tells_something() -> None:
    """Otherwise what follows would hold for nothing."""
    assert [alert.state for alert in alone()] == ["pending", "firing", "resolved", "pending", "firing", "resolved"]


def test_who_does_not_lead_is_silent() -> None:
    """It neither judges nor notes anything."""
    bus = Bus()
    evaluator = bus.evaluator(Seat(False))
    for _ in COURSE:
        evaluator.step()
        bus.now_ms += MINUTE_MS
    assert (bus.topic, bus.cursor) == ([], None)


def test_a_new_leader_goes_on() -> None:
    """Whenever the seat changes hands, and however long nobody leads, the same transitions are told once."""
    for handover in range(1, len(COURSE) - 1):
        bus, first, second = Bus(), Seat(True), Seat(False)
        evaluators = [bus.evaluator(first), bus.evaluator(second)]
        for minute in range(len(COURSE)):
            first.does, second.does = minute < handover, minute >= handover + 3
            for evaluator in evaluators:
                evaluator.step()
            bus.now_ms += MINUTE_MS
        second.does = True
        evaluators[1].step()
        assert [alert for alert in bus.topic if alert.at <= alone()[-1].at] == alone()


def test_two_leaders_tell_one_alert() -> None:
    """An old leader that does not know that it is none tells what the new one tells, to the letter."""
    bus = Bus()
    evaluators = [bus.evaluator(Seat(True)), bus.evaluator(Seat(True))]
    for _ in COURSE:
        for evaluator in evaluators:
            evaluator.step()
        bus.now_ms += MINUTE_MS
    assert len(bus.topic) == 2 * len(alone())
    assert once(bus.topic) == alone()


def test_prometheus_is_told_who_leads_and_how_far() -> None:
    """Of two evaluators; the numbers are read when they are asked for."""
    bus, seat = Bus(), Seat(True)
    leader, other = bus.evaluator(seat), bus.evaluator(Seat(False))
    numbers = {each.name: each.read for each in counted_of(leader)}
    for _ in COURSE:
        leader.step()
        other.step()
        bus.now_ms += MINUTE_MS
    assert {name: read() for name, read in numbers.items()} == {
        "evaluator_leads": {(): 1.0},
        "evaluator_judged_timestamp_seconds": {(): bus.cursor / 1e3 if bus.cursor else 0.0},
        "evaluator_alerts_told": {(): float(len(alone()))},
    }
    assert [each.read()[()] for each in counted_of(other)] == [0.0, 0.0, 0.0]
    seat.does = False
    assert numbers["evaluator_leads"]() == {(): 0.0}


def test_away_for_a_while_it_makes_up_for_it() -> None:
    """ClickHouse is down for ten minutes: each of them is judged when it is back."""
    bus = Bus()
    evaluator = bus.evaluator(Seat(True))
    for minute in range(len(COURSE) + 1):
        bus.is_down = 3 <= minute < 13
        evaluator.step()
        bus.now_ms += MINUTE_MS
    assert bus.topic == alone()


def test_a_broker_that_refuses_gets_it_again() -> None:
    """Of what was sent twice each is the same."""
    bus = Bus()
    evaluator = bus.evaluator(Seat(True))
    for minute in range(len(COURSE) + 1):
        bus.refuses = minute in (2, 4, 9, 10, 15)
        evaluator.step()
        evaluator.step()
        bus.now_ms += MINUTE_MS
    assert once(bus.topic) == alone()


def test_what_is_long_ago_is_left() -> None:
    """Away for a week, it judges the last day."""
    bus = Bus()
    bus.cursor = T0_MS - 7 * 24 * 3_600_000
    bus.evaluator(Seat(True)).step()
    assert bus.cursor == T0_MS


def test_an_instant_waits_for_the_sinks() -> None:
    """All that was on the topic when its time had passed must be stored; later records do not matter."""
    ends, stored = {"s/0": 10, "s/1": 5}, {"s/0": 10, "s/1": 4}

    def ask(sql: str, parameters: Parameters | None = None) -> QueryResult:
        return QueryResult([], [[source, offset] for source, offset in stored.items()])

    complete = Complete(lambda: dict(ends), 2_000)
    assert complete.up_to(T0_MS + 1_999, ask) == 0  # the minute before, and its last record is missing
    assert complete.up_to(T0_MS + 2_000, ask) == 0
    ends["s/0"] = 1_000
    stored["s/1"] = 5
    assert complete.up_to(T0_MS + 30_000, ask) == T0_MS
    assert complete.up_to(T0_MS + 62_000, ask) == T0_MS
    stored["s/0"] = 1_000
    assert complete.up_to(T0_MS + 62_000, ask) == T0_MS + MINUTE_MS
