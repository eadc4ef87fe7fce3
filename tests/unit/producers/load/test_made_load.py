"""Made-up load: the rate that was asked for, the same calls for the same seed, calls that every reader takes."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest

from callgauge.codec import decode_call, read
from callgauge.mending import MENDED
from callgauge.schema import Call, Score
from callgauge_load.incidents.catalogue import KINDS
from callgauge_load.incidents.spec import incident_of
from callgauge_load.made.arrivals import arrivals, paced_to
from callgauge_load.made.batch import Batch
from callgauge_load.made.messages import call_messages, event_ids, judged, score_messages
from callgauge_load.made.world import QUIET_PER_S, World, make_world
from callgauge_load.made_load import MadeLoad

START_S = 1_700_000_000.0


def played(world: World, seconds: float, *specs: str) -> Batch:
    incidents = [incident_of(spec, world, seconds, number) for number, spec in enumerate(specs)]
    return Batch.joined(list(MadeLoad(world, START_S, seconds, incidents).play().batches()))


def same(one: Batch, other: Batch) -> bool:
    return all(
        np.array_equal(getattr(one, column.name), getattr(other, column.name), equal_nan=column.name.endswith("ms"))
        for column in fields(one)
        if column.name not in ("cost_usd", "quality")
    )


def test_rate_is_hit() -> None:
    """Over a week there are as many calls as asked for, of every service."""
    world = make_world(8, 0.5, seed=7)
    week_s = 604_800.0
    batch = played(world, week_s)
    assert len(batch) == pytest.approx(0.5 * week_s, rel=0.03)
    for number, service in enumerate(world.services):
        expected, found = service.per_s * week_s, np.count_nonzero(batch.service == number)
        assert found == pytest.approx(expected, abs=8 * service.gap_cv * expected**0.5)


def test_quiet_services_have_three_calls_an_hour() -> None:
    """Every tenth service is quiet, and the others share the rest."""
    world = make_world(20, 5.0, seed=1)
    assert [service.per_s for service in world.services if service.quiet] == [QUIET_PER_S] * 2
    assert world.per_s == pytest.approx(5.0)


@pytest.mark.parametrize("hours", [0, 9, 30])
def test_rate_is_hit_at_every_hour(hours: int) -> None:
    """A short load has its rate on a Sunday night too."""
    start_s = START_S + 3_600.0 * hours
    world = paced_to(make_world(10, 50.0, seed=3), 50.0, start_s, 3_600.0)
    batch = Batch.joined(list(MadeLoad(world, start_s, 3_600.0).play().batches()))
    assert len(batch) == pytest.approx(50.0 * 3_600, rel=0.03)


@pytest.mark.parametrize(("per_s", "seconds"), [(40.0, 300.0), (3_000.0, 20.0)])
def test_a_steady_load_has_its_rate_from_beginning_to_end(per_s: float, seconds: float) -> None:
    """Its calls end in it, as many in its first half as in its second; some began before."""
    world = paced_to(make_world(10, per_s, seed=3), per_s, START_S, seconds)
    batch = Batch.joined(list(MadeLoad(world, START_S, seconds, steady=True).play().batches()))
    sent_s = batch.sent_s - START_S
    assert sent_s.min() >= 0
    assert sent_s.max() < seconds
    assert batch.start_s.min() < START_S
    halves = np.histogram(sent_s, [0, seconds / 2, seconds])[0]
    assert halves / (per_s * seconds / 2) == pytest.approx(1, abs=0.08)


def test_gaps_have_their_spread() -> None:
    """With even traffic, the times between calls have the mean and the coefficient of variation asked for."""
    service = next(each for each in make_world(30, 30.0, seed=3).services if each.gap_cv > 2)
    even = type(service)(**{**vars(service), "hours": (1.0,) * 168, "per_s": 10.0})
    gaps = np.diff(arrivals(even, 0.0, 20_000.0, np.random.default_rng(1)))
    assert gaps.mean() == pytest.approx(0.1, rel=0.1)
    assert gaps.std() / gaps.mean() == pytest.approx(service.gap_cv, rel=0.1)


@pytest.mark.parametrize("seed", [0, 12])
def test_the_same_seed_gives_the_same_calls(seed: int) -> None:
    """Two runs are equal to the last bit, another seed is another load."""
    specs = ("cost_loop@5m+5m", "timeouts@10m+5m")

    def messages(seed: int) -> list[tuple[bytes, bytes]]:
        world = make_world(5, 5.0, seed)
        return list(call_messages(world, played(world, 1_200.0, *specs)))

    assert messages(seed) == messages(seed)
    assert messages(seed) != messages(seed + 1)


def test_calls_come_in_the_order_of_their_ends() -> None:
    """Across slots too; none is lost or comes twice at a slot's border."""
    world = make_world(6, 400.0, seed=5)
    load = MadeLoad(world, START_S, 600.0)
    assert load.slot_s < 600.0
    batch = Batch.joined(list(load.play().batches()))
    assert (np.diff(batch.sent_s) >= 0).all()
    assert len(set(event_ids(batch))) == len(batch)
    drawn = sum(np.count_nonzero(batch.service == number) for number in range(6))
    assert drawn == len(batch) == pytest.approx(400.0 * 600.0, rel=0.6)


@pytest.mark.parametrize("kind", KINDS)
def test_every_call_is_taken_as_it_is(kind: str) -> None:
    """Calls and scores of every kind of incident are read without mending, and are valid by the wire's own types."""
    world = make_world(6, 4.0, seed=2)
    batch = played(world, 900.0, f"{kind}@3m+9m")
    messages = list(call_messages(world, batch))
    assert len(messages) == len(batch)
    for _, value in messages:
        call = decode_call(value)
        assert MENDED not in call.tags
        Call.model_validate_json(value)
        assert call.cache_read_tokens <= call.input_tokens or kind == "token_bug"
    scores = list(score_messages(world, judged(batch)))
    assert len(scores) == np.count_nonzero(~np.isnan(batch.quality)) > 0
    assert all(read(Score, value).event_id in value.decode() for _, value in scores)
