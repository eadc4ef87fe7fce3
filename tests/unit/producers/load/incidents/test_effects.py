"""Incidents change only the calls of their scope and time, and the truth is what was done."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callgauge.groupings import parse_groupings
from callgauge_load.incidents.catalogue import KINDS
from callgauge_load.incidents.knowable import silence_s
from callgauge_load.incidents.spec import Incident, incident_of
from callgauge_load.made.arrivals import traffic_at
from callgauge_load.made.batch import ERROR, ERROR_TYPES, FALLBACK, Batch
from callgauge_load.made.messages import event_ids
from callgauge_load.made.world import World, make_world
from callgauge_load.made_load import MadeLoad

START_S, SECONDS = 1_700_000_000.0, 1_800.0
GROUPINGS = parse_groupings("service@10s service,feature,provider,model@60s")


def play(world: World, *incidents: Incident) -> tuple[Batch, list[dict[str, Any]]]:
    run = MadeLoad(world, START_S, SECONDS, incidents, GROUPINGS).play()
    return Batch.joined(list(run.batches())), run.truth()


def by_id(batch: Batch) -> dict[str, tuple[Any, ...]]:
    """Every call as a tuple of its values; NaN as None, so that equal calls compare equal."""
    columns = [
        [None if value != value else value for value in getattr(batch, column.name).tolist()]
        for column in fields(batch)
    ]
    return dict(zip(event_ids(batch), zip(*columns, strict=True), strict=True))


def in_scope(world: World, incident: Incident, batch: Batch) -> set[str]:
    at_s = (batch.sent_s if incident.kind.at_end else batch.start_s) - START_S
    mask = (incident.start_s <= at_s) & (at_s < incident.end_s) & incident.scope.hits(world, batch)
    return set(event_ids(batch.take(mask)))


@pytest.mark.parametrize("name", KINDS)
@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 599_999), start=st.integers(0, 1_200), length=st.integers(60, 600))
def test_only_scope_and_time_are_touched(name: str, seed: int, start: int, length: int) -> None:
    """Calls outside are the same with and without the incident, bit for bit; the truth counts those inside."""
    world = make_world(6, 2.0, seed)
    incident = incident_of(f"{name}@{start}s+{length}s", world, SECONDS)
    plain, _ = play(world)
    hit, [truth] = play(world, incident)
    before, after = by_id(plain), by_id(hit)
    inside = in_scope(world, incident, plain)
    assert {key: value for key, value in before.items() if key not in inside}.items() <= after.items()
    added = after.keys() - before.keys()
    assert not added or name in ("cost_loop", "retry_storm")
    assert before.keys() - after.keys() <= inside
    assert truth["calls_before"] == len(inside)
    assert truth["calls_after"] == len(inside) + len(added) - len(before.keys() - after.keys())
    assert truth["start_s"] == START_S + start
    assert truth["end_s"] == START_S + start + length


@pytest.mark.parametrize("name", KINDS)
def test_truth_names_the_series(name: str) -> None:
    """Every series that the truth names lies in the scope, and the calls that changed are in named series."""
    world = make_world(6, 5.0, 11)
    incident = incident_of(f"{name}@5m+20m", world, SECONDS)
    _, [truth] = play(world, incident)
    assert truth["calls_before"] > 0
    named = truth["series"]["service,feature,provider,model@60s"]
    assert named
    wanted = {key: value for key, value in incident.scope.values.items() if key in ("service", "feature", "model")}
    assert all(wanted.items() <= labels.items() for labels in named)
    assert {labels["service"] for labels in named} == {labels["service"] for labels in truth["series"]["service@10s"]}
    assert str(incident.scope) in truth["tell"]
    assert "{" not in truth["tell"]


def effect(spec: str, per_s: float = 20.0) -> tuple[Batch, Batch]:
    """The calls inside an incident as they would have been, in the order of ids, and as they are."""
    world = make_world(6, per_s, 11)
    incident = incident_of(spec, world, SECONDS)
    plain, _ = play(world)
    hit, _ = play(world, incident)
    inside = in_scope(world, incident, plain)

    def part(batch: Batch) -> Batch:
        ids = event_ids(batch)
        return batch.take(np.array(sorted((at for at, key in enumerate(ids) if key in inside), key=lambda at: ids[at])))

    return part(plain), part(hit)


@pytest.mark.parametrize(
    ("spec", "error"),
    [
        ("provider_down@5m+20m:provider=alder,severity=0.8", "provider_down"),
        ("rate_limiting@5m+20m:provider=birch,severity=0.4", "rate_limit"),
        ("timeouts@5m+20m:provider=cedar,severity=0.5", "timeout"),
        ("content_filter@5m+20m:service=chat-01,severity=0.2", "content_filter_blocked"),
    ],
)
def test_failures_have_their_share_and_type(spec: str, error: str) -> None:
    """As many calls fail as the severity says, but those that a cache answers."""
    _, after = effect(spec)
    share = np.mean((after.error == ERROR_TYPES.index(error))[~after.cache_hit])
    assert share == pytest.approx(float(spec.rpartition("=")[2]), abs=0.05)


def test_latency_grows_at_once_or_little_by_little() -> None:
    """A step slows every answer by the severity, a drift more and more, a TTFT regression only the first token."""
    before, after = effect("latency_step@5m+20m:provider=alder,severity=3")
    answered = (before.status != ERROR) & ~before.cache_hit
    assert after.latency_ms[answered] == pytest.approx(3 * before.latency_ms[answered])
    before, after = effect("latency_drift@5m+20m:provider=alder,severity=3")
    answered = (before.status != ERROR) & ~before.cache_hit
    factor = (after.latency_ms / before.latency_ms)[answered]
    expected = 1 + 2 * (before.start_s[answered] - START_S - 300) / 1_200
    assert factor == pytest.approx(expected)
    before, after = effect("ttft_regression@5m+20m:provider=alder,severity=4")
    streamed = (before.ttft_ms > 0) & (before.status != ERROR)
    assert after.ttft_ms[streamed] == pytest.approx(4 * before.ttft_ms[streamed])
    assert (after.latency_ms - after.ttft_ms)[streamed] == pytest.approx((before.latency_ms - before.ttft_ms)[streamed])


def test_fallbacks_are_answered_by_another_provider() -> None:
    """The chosen calls fall back; who was asked stays."""
    before, after = effect("fallback_storm@5m+20m:provider=alder,severity=0.6")
    fell = after.status == FALLBACK
    assert fell.mean() == pytest.approx(0.6, abs=0.12)
    assert (after.answered[fell] != before.answered[fell]).all()
    assert (after.route == before.route).all()


def test_a_wrong_clock_moves_only_times() -> None:
    """Events are sent when they are, and say another time."""
    before, after = effect("clock_skew@5m+20m:service=chat-01,severity=-600")
    assert (after.skew_s == -600).all()
    assert after.sent_s == pytest.approx(before.sent_s)


def test_a_worse_prompt_lowers_quality() -> None:
    """By the severity, and a third of it cannot be read."""
    before, after = effect("prompt_regression@5m+20m:service=chat-01,prompt_version=v8,severity=0.3")
    ratio = np.nanmean(after.quality) / np.nanmean(before.quality)
    assert ratio == pytest.approx(0.7, abs=0.03)
    assert np.mean(after.error == ERROR_TYPES.index("invalid_response")) == pytest.approx(0.1, abs=0.04)


@pytest.mark.parametrize("name", ["traffic_stops", "sdk_dead", "clock_skew"])
def test_the_truth_says_when_a_silence_can_be_known(name: str) -> None:
    """Of all calls of a service; if calls under way go on to end, as much later as they take. Of a part: nothing."""
    world = make_world(6, 5.0, 11)
    incident = incident_of(f"{name}@5m+20m:service=chat-01", world, SECONDS)
    (plain, _), (_, [truth]) = play(world), play(world, incident)
    service, inside = world.services[0], in_scope(world, incident, plain)
    silence = silence_s(float(traffic_at(service, np.array([START_S + 300.0]))[0]), service.gap_cv)
    hit = np.array([key in inside for key in event_ids(plain)])
    under_way = plain.latency_ms[hit].mean() / 1e3 if name == "traffic_stops" else 0.0
    assert truth["detectable_after_s"] == pytest.approx(silence + under_way, abs=0.1)
    severity = "-30" if name == "clock_skew" else "0.5"
    for part in (f"severity={severity}", "feature=answer"):
        _, [other] = play(world, incident_of(f"{name}@5m+20m:service=chat-01,{part}", world, SECONDS))
        assert other["detectable_after_s"] is None
