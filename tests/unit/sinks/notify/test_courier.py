"""Couriers: attempts, budgets, storms, and that nobody waits for another's receiver."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable
from dataclasses import replace

import pytest

from callgauge.errors import BrokerError
from callgauge_notify.delivery.attempts import Attempts
from callgauge_notify.delivery.courier import Courier
from callgauge_notify.delivery.outcome import Outcome
from callgauge_notify.delivery.storm import together
from callgauge_notify.grouping.notice import Notice
from callgauge_notify.receivers.receiver import Memory, NotDelivered, Refused
from tests.unit.sinks.notify.alerts import T0, alert, notice


class Scripted:
    """A receiver that raises what it was told to raise first, and keeps what it is given."""

    def __init__(self, *errors: Exception | None, one_by_one: bool = False, pace_s: float = 0.0) -> None:
        self.errors = list(errors)
        self.one_by_one, self.pace_s, self.digests = one_by_one, pace_s, not one_by_one
        self.given: list[Notice] = []
        self.at: list[float] = []

    def deliver(self, notice: Notice) -> Memory:
        error = self.errors.pop(0) if self.errors else None
        if error is not None:
            raise error
        self.given.append(notice)
        return {item.alert.alert_id: {"seen": str(len(self.given))} for item in notice.items}


class Time:
    """A clock that only pauses move."""

    def __init__(self) -> None:
        self.now = T0 + 90
        self.pauses: list[float] = []

    def pause(self, seconds: float) -> bool:
        self.pauses.append(seconds)
        self.now += seconds
        return False


def unnoted(outcome: Outcome) -> None:
    """Nothing is written down."""


def courier_of(
    receiver: Scripted, time: Time, retry_for_s: float = 3600.0, waits: Iterable[float] = (1.0, 2.0, 4.0, 8.0)
) -> tuple[Courier, queue.SimpleQueue[Outcome]]:
    outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
    made = Courier("r", receiver, retry_for_s, unnoted, outcomes, lambda: time.now, lambda: waits, time.pause)
    return made, outcomes


def test_what_fails_is_tried_again_after_growing_waits() -> None:
    """Delivered at the third attempt."""
    receiver, time = Scripted(NotDelivered("down"), NotDelivered("down")), Time()
    courier, outcomes = courier_of(receiver, time)
    courier.step([notice(alert())])
    outcome = outcomes.get_nowait()
    assert (time.pauses, outcome.failed, outcome.taken) == ([1.0, 2.0], [], 1)
    assert outcome.memory == {alert().alert_id: {"seen": "1"}}


def test_retry_after_is_honoured() -> None:
    """A longer wait than ours is taken, a shorter is not."""
    receiver, time = Scripted(NotDelivered("slow down", 30.0), NotDelivered("slow down", 0.5)), Time()
    courier_of(receiver, time)[0].step([notice(alert())])
    assert time.pauses == [30.0, 2.0]


def test_after_its_time_a_notice_is_given_up() -> None:
    """The next attempt would be later than 5 s after it was made."""
    receiver, time = Scripted(*[NotDelivered("host answered HTTP 500")] * 9), Time()
    courier, outcomes = courier_of(receiver, time, retry_for_s=5.0)
    courier.step([notice(alert())])
    outcome = outcomes.get_nowait()
    assert time.pauses == [1.0, 2.0]
    assert [reason for _, reason in outcome.failed] == ["given up after 5 s: host answered HTTP 500"]
    assert outcome.taken == 0


def test_an_old_notice_has_one_attempt() -> None:
    """After a long outage everything is tried once more."""
    receiver, time = Scripted(), Time()
    courier, outcomes = courier_of(receiver, time, retry_for_s=5.0)
    courier.step([notice(alert(), at=T0 - 9_999)])
    assert (len(receiver.given), outcomes.get_nowait().failed) == (1, [])


def test_refused_is_final() -> None:
    """No second attempt; the next notice is delivered."""
    receiver, time = Scripted(Refused("HTTP 400")), Time()
    courier, outcomes = courier_of(receiver, time)
    courier.step([notice(alert()), notice(alert(rule="other"))])
    assert [reason for _, reason in outcomes.get_nowait().failed] == ["HTTP 400"]
    assert outcomes.get_nowait().taken == 1
    assert time.pauses == []


def test_one_by_one_what_is_delivered_is_not_sent_again() -> None:
    """The second of three alerts is refused, the third needs two attempts: each is sent for itself."""
    receiver = Scripted(None, Refused("HTTP 400"), NotDelivered("down"), one_by_one=True)
    courier, outcomes = courier_of(receiver, Time())
    three = [alert(labels={"service": name}) for name in "abc"]
    known = replace(notice(alert(rule="known")).items[0], news=())
    courier.step([notice(*three, known)])
    outcome = outcomes.get_nowait()
    assert [[item.alert.labels["service"] for item in given.items] for given in receiver.given] == [["a"], ["c"]]
    assert [(item.alert.labels["service"], reason) for item, reason in outcome.failed] == [("b", "HTTP 400")]


def test_the_pace_is_kept() -> None:
    """One message a second."""
    receiver, time = Scripted(pace_s=1.0), Time()
    courier_of(receiver, time)[0].step([notice(alert(rule=name)) for name in "abc"])
    assert time.pauses == [1.0, 1.0]


def test_in_a_storm_many_groups_are_one_message() -> None:
    """Ten are told one by one; eleven together, and each of them has its outcome."""
    receiver, time = Scripted(), Time()
    courier, outcomes = courier_of(receiver, time)
    many = [notice(alert(rule=f"r{number}"), group=(("rule", f"r{number}"),)) for number in range(11)]
    courier.step(many[:10])
    assert len(receiver.given) == 10
    courier.step(many)
    assert (len(receiver.given), receiver.given[-1].groups, len(receiver.given[-1].items)) == (11, 11, 11)
    found = [outcomes.get_nowait() for _ in range(21)][10:]
    assert [outcome.notice for outcome in found] == many


def test_a_storm_that_fails_fails_each_of_its_groups() -> None:
    """Each with its own alerts only."""
    courier, outcomes = courier_of(Scripted(Refused("HTTP 400")), Time())
    courier.step([notice(alert(rule=f"r{number}")) for number in range(11)])
    failed = [[item.alert.rule for item, _ in outcomes.get_nowait().failed] for _ in range(11)]
    assert failed == [[f"r{number}"] for number in range(11)]


def test_together_keeps_what_is_new_first() -> None:
    """The message shows the first alerts."""
    known = replace(notice(alert(rule="known")).items[0], news=())
    merged = together([notice(known, at=T0), notice(alert(rule="new"), at=T0)])
    assert [item.alert.rule for item in merged.items] == ["new", "known"]


def test_nobody_waits_for_another_receiver() -> None:
    """One receiver hangs in its delivery; the other is told at once."""
    hangs, free = threading.Event(), queue.SimpleQueue[Outcome]()

    class Hanging(Scripted):
        def deliver(self, notice: Notice) -> Memory:
            hangs.wait()
            return super().deliver(notice)

    slow = Courier("slow", Hanging(), 3600.0, unnoted, queue.SimpleQueue())
    quick = Courier("quick", Scripted(), 3600.0, unnoted, free)
    for courier in (slow, quick):
        courier.start()
        courier.submit(notice(alert()))
    try:
        assert free.get(timeout=10).taken == 1
    finally:
        hangs.set()
        for courier in (slow, quick):
            courier.stop()
        for courier in (slow, quick):
            courier.join()


def test_a_fault_of_a_receiver_is_not_the_others(caplog: pytest.LogCaptureFixture) -> None:
    """The alert is given up, so it becomes a dead letter and others hear of it; the next one is delivered. The log
    says where it happened, without the error's text, which may hold a secret."""
    courier, outcomes = courier_of(Scripted(ZeroDivisionError("https://hunter2")), Time())
    courier.step([notice(alert()), notice(alert(rule="next"))])
    (reason,) = [reason for _, reason in outcomes.get_nowait().failed]
    assert reason == "ZeroDivisionError in this receiver; the notifier's log says where"
    assert outcomes.get_nowait().taken == 1
    assert "in deliver" in caplog.text
    assert "hunter2" not in caplog.text


def test_what_cannot_be_noted_ends_the_process() -> None:
    """The loop is told; nothing more is delivered."""

    def fail(outcome: Outcome) -> None:
        raise BrokerError("no broker")

    outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
    courier = Courier("r", Scripted(), 3600.0, fail, outcomes, lambda: T0 + 90)
    courier.start()
    courier.submit(notice(alert()))
    assert isinstance(outcomes.get(timeout=10).crashed, BrokerError)
    courier.join()


def test_a_stopped_courier_leaves_what_it_could_not_deliver() -> None:
    """No outcome, so nothing of it is committed."""
    receiver, outcomes = Scripted(*[NotDelivered("down")] * 99), queue.SimpleQueue[Outcome]()
    tried = threading.Event()

    class Told(Scripted):
        def deliver(self, notice: Notice) -> Memory:
            tried.set()
            return receiver.deliver(notice)

    courier = Courier("r", Told(), 3600.0, unnoted, outcomes, lambda: T0 + 90)
    courier.start()
    courier.submit(notice(alert()))
    assert tried.wait(60)
    courier.stop()
    courier.join()
    assert outcomes.empty()


def test_attempts_never_wait_less_than_asked() -> None:
    """The budget counts from when the notice was made."""
    attempts = Attempts(100.0, 60.0, lambda: (1.0, 2.0, 4.0))
    assert attempts.wait_s(NotDelivered("", 5.0), 100.0) == 5.0
    assert attempts.wait_s(NotDelivered(""), 110.0) == 2.0
    assert attempts.wait_s(NotDelivered(""), 157.0) is None


@pytest.mark.parametrize("news", [True, False])
def test_what_has_no_news_is_sent_only_by_receivers_that_tell_groups(news: bool) -> None:
    """A repetition is nothing for PagerDuty, which knows the incident."""
    item = replace(notice(alert()).items[0], news=("firing",) if news else ())
    receiver = Scripted(one_by_one=True)
    courier, outcomes = courier_of(receiver, Time())
    courier.step([notice(item, repeats=not news)])
    assert (len(receiver.given), outcomes.get_nowait().taken) == ((1, 1) if news else (0, 0))


def test_nothing_more_is_delivered_before_it_is_noted() -> None:
    """So after a crash each receiver is told at most one message again."""
    log: list[str] = []

    class Logged(Scripted):
        def deliver(self, notice: Notice) -> Memory:
            log.append("deliver")
            return super().deliver(notice)

    courier = Courier("r", Logged(), 3600.0, lambda outcome: log.append("note"), queue.SimpleQueue())
    courier.step([notice(alert(rule=name)) for name in "abc"])
    assert log == ["deliver", "note"] * 3


def test_a_repetition_that_fails_is_a_problem_too() -> None:
    """No alert is lost by it, but Alertmanager would take for resolved what is not sent again."""
    known = replace(notice(alert()).items[0], news=())
    courier, outcomes = courier_of(Scripted(*[NotDelivered("h answered HTTP 500")] * 9), Time(), retry_for_s=5.0)
    courier.step([notice(known, repeats=True)])
    outcome = outcomes.get_nowait()
    assert (outcome.failed, outcome.problem) == ([], "given up after 5 s: h answered HTTP 500")
