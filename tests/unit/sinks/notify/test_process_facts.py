"""What heartbeats say of an alert about missing calls is written beside it, once, and again when it changes."""

from __future__ import annotations

from typing import Any

import pytest

from callgauge.codec import encode
from callgauge.errors import BrokerError
from callgauge.schema import AlertAction
from callgauge_notify.process_facts import ProcessFacts
from callgauge_notify.processes import Processes
from callgauge_rules.shown import Actions, shown
from tests.unit.sinks.fakes import FakeConsumer
from tests.unit.sinks.notify.alerts import T0, alert
from tests.unit.sinks.notify.test_notifier import ListBus, Scene
from tests.unit.sinks.notify.test_processes import beat, missing

MISSING = missing()


class Written:
    """Facts about one service, whose clock is `at`, and what they wrote."""

    def __init__(self) -> None:
        self.at, self.processes = T0 + 90, Processes()
        self.records: list[AlertAction] = []
        self.refusing = False
        self.facts = ProcessFacts(self.processes, self._publish, lambda: self.at)

    def hear(self, at: float, **changes: Any) -> None:
        self.processes.take(beat(changes.pop("instance", "a"), **changes), at)

    def look(self, at: float) -> list[str]:
        """What is written by then, of what was written before."""
        self.at = at
        self.processes.read_all(at)
        self.facts.write()
        return [record.processes for record in self.records]

    def _publish(self, action: AlertAction, partition: int) -> None:
        if self.refusing:
            raise BrokerError("not now")
        assert partition == 3
        self.records.append(action)


def test_processes_that_die_with_the_traffic_are_told_as_soon_as_that_is_known() -> None:
    """At first they may live: the last heartbeat is young. People see the last."""
    written = Written()
    written.hear(T0 + 80)
    written.facts.take(MISSING, 3)
    assert written.look(T0 + 90) == ["live"]
    assert written.look(T0 + 120) == ["live"]  # silent by now, but it was told a moment ago
    assert written.look(T0 + 151) == written.look(T0 + 220) == ["live", "silent"]
    for records in (written.records, written.records[::-1]):
        seen = shown(MISSING, Actions(records), T0 + 300)
        assert seen.state == "firing"
        assert seen.processes is not None
        assert seen.processes.why == (
            "of its service 1 process has gone silent since 2023-11-14 22:14:40Z: dead, or cut off from the bus"
        )


def test_nothing_is_written_of_other_alerts_or_without_heartbeats_or_after_the_end() -> None:
    written = Written()
    for each in (alert(), MISSING):
        written.facts.take(each, 3)
    assert written.look(T0 + 90) == []
    written.facts.take(missing(state="resolved", seq=2), 3)
    written.hear(T0 + 91)
    assert written.look(T0 + 100) == []


def test_another_process_goes_on_where_one_stopped() -> None:
    """It knows what was written; and leaves alone what is another's."""
    first = Written()
    first.hear(T0 + 80, closed=True)
    first.facts.take(MISSING, 3)
    assert first.look(T0 + 90) == ["ended"]
    second = Written()
    second.hear(T0 + 80, closed=True)
    second.facts.take(MISSING, 3)
    second.facts.know(first.records[0])
    assert second.look(T0 + 200) == []
    second.hear(T0 + 300, instance="b")
    second.facts.drop({3})
    assert second.look(T0 + 300) == []


def test_in_a_storm_notices_wait_for_few_of_them() -> None:
    """The rest is written the next time the loop goes round."""
    written = Written()
    written.hear(T0 + 80)
    for number in range(25):
        written.facts.take(missing(rule=f"r{number}"), 3)
    assert [len(written.look(T0 + 90)) for _ in range(4)] == [10, 20, 25, 25]
    assert len({record.alert_id for record in written.records}) == 25


def test_what_the_broker_does_not_take_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    written = Written()
    written.hear(T0 + 80)
    written.facts.take(MISSING, 3)
    written.refusing = True
    assert written.look(T0 + 90) == []
    assert "it is tried again" in caplog.text
    written.refusing = False
    assert written.look(T0 + 95) == ["live"]


def test_an_alert_that_tells_of_processes_is_also_told_to_be_over() -> None:
    """The notice with the line counts as the one that the group waits for."""
    consumer = FakeConsumer({0: [encode(MISSING)]})
    scene = Scene(consumer, ListBus())
    scene.notifier._processes.take(beat("a"), scene.now)
    scene.notifier._processes.read_all(scene.now)
    scene.notifier.step()
    consumer.logs[0].append(encode(missing(state="resolved", seq=2)))
    scene.notifier.step()
    assert scene.a.told == [("slow", "chat", "firing"), ("slow", "chat", "resolved")]
    assert consumer.offsets == {0: 2}


def test_the_loop_writes_it_and_the_next_process_knows_it() -> None:
    """What comes back on the topic is noted as what people do is; receivers are told nothing more."""
    consumer, bus = FakeConsumer({0: [encode(MISSING)]}), ListBus()
    sent: list[AlertAction] = []

    def scene_of(consumer: FakeConsumer) -> Scene:
        scene = Scene(consumer, bus)
        processes = Processes()
        processes.take(beat("a"), scene.now)
        processes.read_all(scene.now)
        scene.notifier._facts = ProcessFacts(processes, lambda action, _: sent.append(action), lambda: scene.now)
        return scene

    scene = scene_of(consumer)
    scene.notifier.step()
    assert [(action.processes, action.alert_id) for action in sent] == [("live", MISSING.alert_id)]
    consumer.logs[0] += map(encode, sent)
    scene.notifier.step()
    assert [action.action for action, _ in bus.actions] == ["processes"]
    assert scene.a.told == [("slow", "chat", "firing")]
    after = FakeConsumer({0: [encode(MISSING), encode(sent[0])]})
    after.offsets = {0: 2}
    scene_of(after).notifier.step()
    assert len(sent) == 1
