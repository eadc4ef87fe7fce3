"""The loop with what people do: noted before it is committed, known to the next process, whatever its age."""

from __future__ import annotations

from typing import Any

from callgauge.codec import encode
from callgauge.schema import Alert, AlertAction
from tests.unit.sinks.fakes import FakeConsumer
from tests.unit.sinks.notify.alerts import T0, alert, done
from tests.unit.sinks.notify.test_notifier import ListBus, Scene


def wire(*records: Alert | AlertAction) -> list[bytes]:
    return [encode(each) for each in records]


def silence(until: float) -> AlertAction:
    more: dict[str, Any] = {"silence_id": "s", "matchers": ["rule=slow"], "starts_at": T0, "ends_at": T0 + until}
    return AlertAction(action_id="s", action="silence", at=T0, who="ann", **more)


def test_resolved_by_hand_is_told_and_noted_before_the_commit() -> None:
    """The offsets of both are committed once the end is told."""
    consumer, bus = FakeConsumer({0: wire(alert())}), ListBus()
    scene = Scene(consumer, bus)
    scene.notifier.step()
    consumer.logs[0] += wire(done("resolve", alert()), alert("resolved"))
    commit = consumer.commit
    bus.log.clear()

    def logged(**given: Any) -> Any:
        bus.log.append("commit")
        return commit(**given)

    consumer.commit = logged  # type: ignore[method-assign]
    scene.notifier.step()
    assert scene.a.told == [("slow", "chat", "firing"), ("slow", "chat", "resolved")]
    assert bus.log == ["keep", "write", "write", "commit"]
    assert consumer.offsets == {0: 3}


def test_the_next_process_knows_a_silence_of_before_its_offset() -> None:
    """It is not on the part of the topic that is read again. It ends, and what fires is told."""
    consumer, bus = FakeConsumer({0: wire(silence(3_600))}), ListBus()
    Scene(consumer, bus).notifier.step()
    assert consumer.offsets == {0: 1}
    after = FakeConsumer({0: [b"gone", *wire(alert())]})
    after.offsets = {0: 1}
    scene = Scene(after, bus)
    scene.notifier.step()
    assert scene.a.told == []
    assert after.offsets == {0: 1}
    scene.now = T0 + 3_600
    scene.notifier.step()
    assert scene.a.told == scene.b.told == [("slow", "chat", "firing")]
    assert after.offsets == {0: 2}


def test_an_action_is_noted_once() -> None:
    """Copies of it change nothing."""
    bus = ListBus()
    scene = Scene(FakeConsumer({0: wire(alert(), *[done("acknowledge", alert())] * 3)}), bus)
    scene.notifier.step()
    assert [(action.action, partition) for action, partition in bus.actions] == [("acknowledge", 0)]


def test_a_new_notifier_knows_silences_that_are_older_than_an_hour() -> None:
    """Alerts of that age it passes over."""
    consumer = FakeConsumer({0: wire(silence(1e9), alert(rule="slow"), alert(rule="other"))})
    scene = Scene(consumer, ListBus(), started=1.7e9)
    scene.notifier.step()
    assert scene.notifier.passed_over == 2
    consumer.logs[0] += wire(alert(rule="slow", start=T0 + 1))
    scene.notifier._since_ms = 0
    scene.notifier.step()
    assert scene.a.told == []


def test_what_was_done_a_month_ago_is_forgotten() -> None:
    """By the process and by the topic."""
    bus = ListBus()
    scene = Scene(FakeConsumer({0: wire(done("acknowledge", alert()), silence(60))}), bus)
    scene.notifier.step()
    assert len(bus.actions) == 2
    scene.now += 32 * 86_400
    scene.notifier.step()
    assert bus.actions == []
