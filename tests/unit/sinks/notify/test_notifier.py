"""The loop: each state told once, noted, then committed; failures become dead letters and an alert to the others."""

from __future__ import annotations

import queue
from collections.abc import Iterable
from typing import Any

import pytest

from callgauge.codec import encode
from callgauge.schema import Alert, AlertAction, DeadLetter
from callgauge_intake.consumer import Intake
from callgauge_notify.delivery.courier import Courier
from callgauge_notify.delivery.noting import Noting
from callgauge_notify.delivery.outcome import Outcome
from callgauge_notify.delivery.told_records import Known
from callgauge_notify.grouping.episode import Told
from callgauge_notify.grouping.notice import Notice
from callgauge_notify.notifier import Notifier
from callgauge_notify.receivers.receiver import NOTHING_KEPT, Memory, NotDelivered, Refused
from callgauge_notify.routing.receiver_kinds import ConsoleSpec
from callgauge_notify.routing.routes import Route, Routing
from tests.unit.sinks.fakes import FakeConsumer, ManualClock
from tests.unit.sinks.notify.alerts import T0, alert


class ListReceiver:
    """Keeps what it is told; raises what it was told to raise first."""

    one_by_one = False
    digests = False
    pace_s = 0.0

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)
        self.told: list[tuple[str, str, str]] = []

    def deliver(self, notice: Notice) -> Memory:
        if self.errors:
            raise self.errors.pop(0)
        self.told += [
            (i.alert.rule, i.alert.labels.get("service", ""), state) for i in notice.items for state in i.news
        ]
        return NOTHING_KEPT


class AtOnce(Courier):
    """Delivers in the thread that submits; waits take no time."""

    def submit(self, notice: Notice) -> None:
        self.step([notice])

    def start(self) -> None:
        """There is no thread."""

    def join(self, within_s: float = 0.0) -> None:
        """There is no thread."""


class ListBus:
    """The notifier's own records, in memory. `before` is done first by each write."""

    def __init__(self) -> None:
        self.told: list[Told] = []
        self.letters: list[DeadLetter] = []
        self.alerts: list[Alert] = []
        self.actions: list[tuple[AlertAction, int]] = []
        self.log: list[str] = []

    def known_before(self, partition: int) -> Known:
        told = {told.key: told for told in self.told if told.partition == partition}
        return Known(list(told.values()), [action for action, number in self.actions if number == partition])

    def keep(self, actions: Iterable[tuple[AlertAction, int]]) -> None:
        self.log.append("keep")
        self.actions += actions

    def forget(self, told: Iterable[Told], actions: Iterable[AlertAction], partitions: Iterable[int]) -> None:
        ids, numbers = {each.action_id for each in actions}, list(partitions)
        self.actions = [(a, number) for a, number in self.actions if not (a.action_id in ids and number in numbers)]
        gone = {each.key for each in told}
        self.told = [each for each in self.told if each.key not in gone]

    def write(self, told: Iterable[Told], letters: Iterable[DeadLetter] = (), alerts: Iterable[Alert] = ()) -> None:
        self.log.append("write")
        self.told += told
        self.letters += letters
        self.alerts += alerts


class Scene:
    """A notifier of two receivers, a and b, whose alerts are told at once."""

    def __init__(self, consumer: FakeConsumer, bus: ListBus, *errors: Exception, started: float = 0.0) -> None:
        self.a, self.b = ListReceiver(*errors), ListReceiver()
        receivers = {name: ConsoleSpec(name=name) for name in "ab"}
        routes = tuple(Route.model_validate({"name": n, "receiver": n, "continue": True}) for n in "ab")
        outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
        self.now = T0 + 90
        noting = Noting(bus, lambda: self.now)
        couriers = {
            name: AtOnce(
                name, receiver, 60.0, noting.note, outcomes, lambda: self.now, lambda: [1.0] * 5 + [99.0], self._pause
            )
            for name, receiver in (("a", self.a), ("b", self.b))
        }
        intake = Intake(consumer, "t", ManualClock())
        clocks = iter([started])
        self.notifier = Notifier(
            intake, Routing(receivers, routes), couriers, outcomes, noting, lambda: next(clocks, self.now)
        )

    def _pause(self, seconds: float) -> bool:
        self.now += seconds
        return False


def wire(*alerts: Alert) -> list[bytes]:
    return [encode(each) for each in alerts]


def test_firing_and_resolved_once_each() -> None:
    """To both receivers. Pending is no news, a repeated transition is none; what cannot be read is passed over."""
    told = [alert("pending"), alert(), alert(), alert("resolved"), alert(labels={"service": "search"}), alert()]
    consumer = FakeConsumer({0: wire(*told[:3]), 1: [b"{"]})
    scene = Scene(consumer, ListBus())
    scene.notifier.step()
    consumer.logs[0] += wire(*told[3:])
    scene.notifier.step()
    expected = [("slow", "chat", "firing"), ("slow", "chat", "resolved"), ("slow", "search", "firing")]
    assert sorted(scene.a.told) == sorted(scene.b.told) == sorted(expected)
    assert consumer.offsets == {0: 6, 1: 1}


def test_told_is_noted_before_the_commit() -> None:
    """A crash between them tells nothing again."""
    consumer, bus = FakeConsumer({0: wire(alert())}), ListBus()
    scene = Scene(consumer, bus)
    commit = consumer.commit

    def logged(**given: Any) -> Any:
        bus.log.append("commit")
        return commit(**given)

    consumer.commit = logged  # type: ignore[method-assign]
    scene.notifier.step()
    assert bus.log == ["write", "write", "commit"]


def test_the_next_process_reads_again_and_tells_nothing_twice() -> None:
    """Its offset was not committed, but what was told is noted."""
    bus = ListBus()
    Scene(FakeConsumer({0: wire(alert())}), bus).notifier.step()
    consumer = FakeConsumer({0: wire(alert(), alert("resolved"))})
    after = Scene(consumer, bus)
    after.notifier.step()
    assert after.a.told == after.b.told == [("slow", "chat", "resolved")]
    assert consumer.offsets == {0: 2}


def test_nothing_is_committed_that_is_not_told() -> None:
    """The couriers are stopped before they deliver: the offset stays at the alert."""
    consumer = FakeConsumer({0: wire(alert("pending"), alert())})
    scene = Scene(consumer, ListBus())
    scene.notifier._couriers = {
        name: Courier(name, scene.a, 60.0, lambda outcome: None, queue.SimpleQueue()) for name in "ab"
    }
    scene.notifier.step()
    assert consumer.offsets == {0: 1}


@pytest.mark.parametrize(("committed", "told"), [({}, 0), ({0: 0}, 1)])
def test_a_new_notifier_does_not_tell_of_last_month(committed: dict[int, int], told: int) -> None:
    """The fake's records are of 1970. One that has been here before tells all that it has not told yet."""
    consumer = FakeConsumer({0: wire(alert("pending"), alert())})
    consumer.offsets = dict(committed)
    scene = Scene(consumer, ListBus(), started=1.7e9)
    scene.notifier.step()
    assert len(scene.a.told) == told
    assert consumer.offsets == {0: 2}
    assert scene.notifier.passed_over == (0 if told else 2)


def test_what_is_given_up_is_a_dead_letter_and_the_others_hear_of_it() -> None:
    """a refuses for a minute: a dead letter, and an alert that goes to b only; b has all alerts."""
    consumer, bus = FakeConsumer({0: wire(alert())}), ListBus()
    scene = Scene(consumer, bus, *[NotDelivered("h answered HTTP 500")] * 6)
    scene.notifier.step()
    assert [told.given_up for told in bus.told] == [True, False]
    (letter,) = bus.letters
    assert (letter.topic, letter.partition, letter.offset) == ("notify a", 0, 0)
    assert letter.reason == "given up after 60 s: h answered HTTP 500"
    assert consumer.offsets == {0: 1}
    (failure,) = bus.alerts
    assert (failure.rule, failure.labels, failure.state) == ("notification_failed", {"receiver": "a"}, "firing")
    consumer.logs[0] += wire(failure)
    scene.notifier.step()
    assert (scene.a.told, scene.b.told[1:]) == ([], [("notification_failed", "", "firing")])


def test_a_receiver_that_takes_notices_again_is_told_too() -> None:
    """Once it fails there is one alert, however much it misses; once it works again, its end."""
    consumer, bus = FakeConsumer({0: wire(*(alert(labels={"service": name}) for name in "xy"))}), ListBus()
    scene = Scene(consumer, bus, Refused("HTTP 400"))
    scene.notifier.step()
    consumer.logs[0] += wire(alert(labels={"service": "z"}))
    scene.notifier.step()
    assert [(told.rule, told.state) for told in bus.alerts] == [
        ("notification_failed", "firing"),
        ("notification_failed", "resolved"),
    ]
    assert len(bus.letters) == 2


def test_partitions_are_followed() -> None:
    """What is lost is forgotten; what comes is gone on with from what its last owner noted."""
    bus = ListBus()
    Scene(FakeConsumer({1: wire(alert())}), bus).notifier.step()
    bus.told = [Told(t.route, t.receiver, t.group, t.alert, t.at, 1) for t in bus.told]
    consumer = FakeConsumer({0: wire(alert(rule="other")), 1: wire(alert(), alert("resolved"))})
    scene = Scene(consumer, bus)
    consumer.on_poll = lambda: consumer.revoke([1])
    scene.notifier.step()
    assert [rule for rule, _, _ in scene.a.told] == ["other"]
    consumer.on_poll = lambda: consumer.assign([1])
    scene.notifier.step()
    assert scene.a.told[1:] == [("slow", "chat", "resolved")]
    assert consumer.offsets == {0: 1, 1: 2}


def test_what_ended_a_month_ago_is_forgotten() -> None:
    """By the process and by the topic; what still fires is kept."""
    consumer, bus = FakeConsumer({0: wire(alert(), alert(rule="fires"))}), ListBus()
    scene = Scene(consumer, bus)
    scene.notifier.step()
    consumer.logs[0] += wire(alert("resolved"))
    scene.notifier.step()
    scene.now += 32 * 86_400
    scene.notifier.step()
    assert {(told.route, told.alert.rule) for told in bus.told} == {("a", "fires"), ("b", "fires")}
