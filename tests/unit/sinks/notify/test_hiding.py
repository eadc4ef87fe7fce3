"""What is not told: in mute times, and while a cause fires."""

from __future__ import annotations

from typing import Any

from callgauge_notify.grouping.episode import told_by
from callgauge_notify.routing.defaults import BY_ROLE
from callgauge_notify.routing.mute_times import MuteTime, zone_of
from callgauge_notify.routing.routes import Inhibition
from tests.unit.sinks.notify.alerts import T0, alert
from tests.unit.sinks.notify.grouped import deliver, groups_of, news_of, route, take


def test_muted_until_the_morning() -> None:
    """What still fires then is told; what was over is not; the end of what was told before is told then."""
    night = MuteTime("night", zone_of("UTC"), times=((22 * 60 + 20, 22 * 60 + 30),))  # T0 is 22:13:20
    groups = groups_of(route(mute_times=["night"]), mute_times={"night": night})
    take(groups, 0, "before")
    assert deliver(groups, 30) == [[("before", ("firing",))]]
    take(groups, 500, "short")
    take(groups, 500, "long")
    assert deliver(groups, 600) == []
    take(groups, 700, "short", state="resolved")
    take(groups, 700, "before", state="resolved")
    assert deliver(groups, 990) == []
    assert deliver(groups, 1000) == [[("long", ("firing",)), ("before", ("resolved",))]]


DOWN = Inhibition.model_validate(
    {"source": ["rule=provider_down"], "target": ["severity=warning"], "equal": ["provider"]}
)


def test_a_cause_hides_its_symptoms_and_lists_them() -> None:
    """Of its provider only. When the cause is over, what still fires is told."""
    groups = groups_of(inhibitions=(DOWN,))
    for service, provider in (("a", "openai"), ("b", "openai"), ("c", "bedrock")):
        groups.take(alert(labels={"service": service, "provider": provider}), 0, 0, T0)
    cause: dict[str, Any] = {
        "rule": "provider_down",
        "severity": "error",
        "labels": {"service": "", "provider": "openai"},
    }
    groups.take(alert(**cause), 0, 1, T0 + 5)
    first, second = groups.due(T0 + 35)
    assert news_of(first) == [("c", ("firing",))]
    assert [hidden.labels["service"] for hidden in second.items[0].hides] == ["a", "b"]
    for notice in (first, second):
        groups.heard(notice, told_by(notice, T0 + 35, {}), T0 + 35)
    groups.take(alert("resolved", labels={"service": "a", "provider": "openai"}), 0, 2, T0 + 40)
    groups.take(alert("resolved", **cause), 0, 3, T0 + 50)
    assert sorted(deliver(groups, 335)) == [[("", ("resolved",))], [("b", ("firing",)), ("c", ())]]


def test_the_end_of_what_was_told_is_told_under_a_cause_too() -> None:
    """Else people would think that it goes on."""
    groups = groups_of(inhibitions=(DOWN,))
    groups.take(alert(labels={"service": "a", "provider": "openai"}), 0, 0, T0)
    deliver(groups, 30)
    groups.take(
        alert(rule="provider_down", severity="error", labels={"service": "", "provider": "openai"}), 0, 1, T0 + 40
    )
    groups.take(alert("resolved", labels={"service": "a", "provider": "openai"}), 0, 2, T0 + 50)
    assert sorted(deliver(groups, 330)) == [[("", ("firing",))], [("a", ("resolved",))]]


def test_under_a_cause_a_symptom_is_not_repeated() -> None:
    """It was told before the cause fired; after the cause it is told again in its time."""
    groups = groups_of(inhibitions=(DOWN,))
    symptom = {"service": "a", "provider": "openai"}
    groups.take(alert(labels=symptom), 0, 0, T0)
    deliver(groups, 30)
    cause = {"service": "", "provider": "openai"}
    groups.take(alert(rule="provider_down", severity="error", labels=cause), 0, 1, T0 + 40)
    assert deliver(groups, 70) == [[("", ("firing",))]]
    assert deliver(groups, 3640) == []
    groups.take(alert("resolved", rule="provider_down", severity="error", labels=cause), 0, 2, T0 + 3641)
    assert sorted(deliver(groups, 3641)) == [[("", ("resolved",))], [("a", ())]]


def test_what_rules_mark_hides_unless_the_file_says_otherwise() -> None:
    """A cause hides symptoms of its provider; where the provider is not known nothing is hidden."""
    groups = groups_of(inhibitions=(BY_ROLE,))
    for service, provider in (("a", "openai"), ("b", "bedrock"), ("c", "")):
        groups.take(alert(labels={"service": service}, provider=provider, role="symptom"), 0, 0, T0)
    for number, provider in enumerate(("openai", "")):
        groups.take(alert(rule=f"down{number}", labels={"service": ""}, provider=provider, role="cause"), 0, 1, T0 + 5)
    told = {service for notice in deliver(groups, 60) for service, news in notice if news}
    assert told == {"b", "c", ""}
