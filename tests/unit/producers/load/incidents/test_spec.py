"""Incidents are read as they are written; a mistake is one line that says what is near."""

from __future__ import annotations

from itertools import pairwise

import pytest

from callgauge.codec import decode_score
from callgauge.errors import SettingError
from callgauge.schema import StateChange
from callgauge_load.incidents.breakers import breaker_changes
from callgauge_load.incidents.catalogue import KINDS
from callgauge_load.incidents.spec import incident_of
from callgauge_load.made.world import make_world

WORLD = make_world(10, 5.0, 1)


def test_an_incident_is_read() -> None:
    """Times add up, the scope is as named, the severity is the scope's or the kind's own."""
    incident = incident_of("provider_down@1m30s+5m:provider=birch,region=eu,severity=0.7", WORLD, 3_600.0)
    assert (incident.start_s, incident.end_s, incident.severity) == (90.0, 390.0, 0.7)
    assert incident.scope.values == {"provider": "birch", "region": "eu"}
    assert incident.told.startswith("provider birch, region eu is down: 70 %")
    assert incident_of("timeouts@0s+5m", WORLD, 3_600.0).severity == KINDS["timeouts"].severity


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("provider_dwn@1m+5m", "did you mean provider_down?"),
        ("nonsense@1m+5m", "there are provider_down"),
        ("provider_down", "write KIND@START+LENGTH"),
        ("provider_down@1m", "write KIND@START+LENGTH"),
        ("provider_down@soon+5m", "its start: 'soon' is no duration"),
        ("provider_down@1m+5", "its length: '5' is no duration"),
        ("provider_down@1m+0s", "it has no length"),
        ("provider_down@1h+5m", "it ends 3900 s after the beginning, but the load is 3600 s long"),
        ("provider_down@1m+5m:provder=birch", "did you mean provider?"),
        ("provider_down@1m+5m:provider=brich", "did you mean birch?"),
        ("timeouts@1m+5m:service=zzz", "there are chat-01"),
        ("timeouts@1m+5m:service", "is not like service=chat-01"),
        ("timeouts@1m+5m:service=chat-01,service=chat-01", "twice"),
        ("timeouts@1m+5m:severity=2", "it can be 0.05 to 1"),
        ("timeouts@1m+5m:severity=much", "it can be 0.05 to 1"),
        ("timeouts@1m+5m:severity=nan", "it can be 0.05 to 1"),
        ("timeouts@1m+5m:service=chat-01,provider=cedar", "no service has calls of"),
        ("timeouts\n@1m+5m", "no kind of incident"),
    ],
)
def test_a_mistake_is_one_line(text: str, told: str) -> None:
    """What is wrong, and what to write instead."""
    with pytest.raises(SettingError) as caught:
        incident_of(text, WORLD, 3_600.0)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("--incident ")


@pytest.mark.parametrize("name", KINDS)
def test_a_default_scope_has_calls(name: str) -> None:
    """What is drawn exists, for any number of incidents and any seed."""
    for seed in range(5):
        world = make_world(12, 5.0, seed)
        for number in range(3):
            scope = incident_of(f"{name}@0s+1m", world, 60.0, number).scope
            assert set(scope.values) == set(KINDS[name].scope)
            assert any(not world.services[at].quiet for at in scope.services(world))


def test_breakers_open_and_close() -> None:
    """Each service of the scope opens its breaker, tries now and then, and closes it after the incident."""
    incident = incident_of("breaker_opens@1m+5m:provider=alder", WORLD, 3_600.0)
    changes = breaker_changes(WORLD, [incident], 1_000.0)
    services = {WORLD.services[at].name for at in incident.scope.services(WORLD)}
    assert {change["service"] for change in changes} == services
    for service in services:
        own = [change for change in changes if change["service"] == service]
        assert (own[0]["ts"], own[0]["to_state"]) == (1_060.0, "open")
        assert own[-1]["to_state"] == "closed"
        assert own[-1]["ts"] >= 1_360.0
        assert all(one["to_state"] == two["from_state"] for one, two in pairwise(own))
    values = [StateChange(**change).model_dump_json().encode() for change in changes]
    assert sum(decode_score(value).value for value in values) > 0
