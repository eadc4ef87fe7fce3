"""The whole of rollup without Kafka: whatever happens to log, group and workers, totals are a recount of the log.

Histories at random, and at the end some that once went wrong, told by hand.
"""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callgauge.codec import encode
from tests.model.broker import Cluster
from tests.model.history import RULES, Setup, Step, World, play, random_setup, random_steps, world_of
from tests.model.log import Log
from tests.model.mutations import MUTATIONS
from tests.model.verdict import faults_after, faults_of, untrue_losses
from tests.model.worker import Worker
from tests.random_calls import random_call

SEEDED, SHRINKING, MUTANTS = 100, 30, 60
_CALM = ("append", "work", "catch_up", "rebalance")


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Refused commits and losses are logged, as they should be: thousands of lines."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("quarter", range(4))
def test_totals_are_a_recount_whatever_happens(quarter: int) -> None:
    """The same histories each time; `python -m tests.model` plays others."""
    for seed in range(quarter * SEEDED // 4, (quarter + 1) * SEEDED // 4):
        rng = random.Random(seed)
        setup, steps = random_setup(rng), random_steps(rng)
        assert faults_after(setup, steps) == [], f"history {seed}"


def weighted_rules() -> list[str]:
    """Rule names, as often as they are to be drawn."""
    return [name for name, (_, weight) in RULES.items() for _ in range(weight)]


@settings(
    max_examples=SHRINKING, deadline=None, derandomize=True, database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip
@given(
    setup=st.builds(
        Setup, partitions=st.integers(1, 2), stamped=st.booleans(), changes=st.booleans(), by_size=st.booleans()
    ),
    steps=st.lists(
        st.builds(Step, st.sampled_from(weighted_rules()), st.integers(0, 999)), min_size=20, max_size=60
    ),
)  # fmt: skip
def test_totals_are_a_recount_of_histories_that_shrink(setup: Setup, steps: list[Step]) -> None:
    """What Hypothesis thinks of; a history that differs is made as short as it can be."""
    assert faults_after(setup, steps) == []


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
def test_no_rule_can_be_left_out(mutation: Callable[[], AbstractContextManager[Any]]) -> None:
    """The law above fails without terms, the horizon, the first commit, whole blocks, or a clean slate at a revoke."""
    with mutation():
        assert any(faults_after(*_of_mutants(seed)) for seed in range(MUTANTS))


def _of_mutants(seed: int) -> tuple[Setup, list[Step]]:
    """Odd histories are a calm group's that shares out its partition again and again."""
    rng = random.Random(seed)
    if seed % 2 == 0:
        return random_setup(rng), random_steps(rng)
    calm = [Step(rng.choice(_CALM), rng.randrange(1_000)) for _ in range(40)]
    return Setup(), [Step("join", rng.randrange(1_000)), Step("join", rng.randrange(1_000)), *calm]


def test_the_histories_are_about_something() -> None:
    """There are duplicates, losses, changes of epoch, zombies' starts and refused commits in them."""
    seen = dict.fromkeys(("duplicates", "lost", "epochs", "zombies", "counted"), 0)
    for seed in range(40):
        rng = random.Random(seed)
        cluster = play(random_setup(rng), random_steps(rng))
        records = cluster.windows[0]
        starts = [record for record in records if record.kind == "epoch"]
        seen["duplicates"] += any(r.kind == "summary" and r.duplicates for r in records)
        seen["lost"] += any(start.lost_from >= 0 for start in starts)
        seen["epochs"] += len({start.epoch for start in starts}) > 1
        seen["zombies"] += any(a.source == b.source and a.term > b.term for a, b in pairwise(starts))
        seen["counted"] += any(commit.note.counted_to >= 0 for commit in cluster.commits)
    assert min(seen.values()) >= 3, seen


# Told by hand: B = 16, one partition, one second apart unless said otherwise.


class _Tale:
    """A history in so many words."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._rng = random.Random(0)

    @property
    def _log(self) -> Log:
        [log] = self._world.cluster.logs.values()
        return log

    def put(self, count: int, *, after_s: float = 1.0) -> None:
        """Calls, all different, no holes."""
        self._world.cluster.now += after_s
        for _ in range(count):
            call = random_call(self._rng, f"e{self._log.end}", self._world.cluster.now - 60)
            self._log.append(int(self._world.cluster.now * 1000), encode(call), call, 0)

    def worker(self) -> Worker:
        """Joins, and takes over; all others are members no more."""
        self._world.zombies += self._world.live
        self._world.live = []
        self._world.join(self._rng)
        return self._world.live[0]

    def turns(self, worker: Worker, count: int = 3) -> None:
        """Seconds in which a worker does all it has to do."""
        for _ in range(count):
            self._world.cluster.now += 1.1
            worker.turn(self._rng)

    def release(self, worker: Worker) -> None:
        """All I/O that a worker has asked for."""
        worker.gates.release(10_000, self._rng)

    def eat(self, offset: int) -> None:
        """Retention."""
        self._log.retain_from(offset)

    def end(self) -> Cluster:
        """A last worker reads everything."""
        self._world.finish(self._rng)
        return self._world.cluster


@contextmanager
def tale(setup: Setup) -> Iterator[_Tale]:
    with world_of(setup) as world:
        yield _Tale(world)


def test_what_retention_eats_before_a_running_worker_is_told_as_lost() -> None:
    """
    offset     0 ..... 10 ..... 15 ..... 20       the worker has read up to 10, then retention eats up to 15: it ends
    """
    with tale(Setup(changes=False)) as t:
        t.put(10)
        worker = t.worker()
        t.turns(worker)
        t.put(10)
        t.eat(15)
        t.turns(worker)
        assert faults_of(t.end()) == []


def test_a_second_loss_does_not_cover_what_was_counted_between_the_two() -> None:
    """
    offset     0 ... lost ... 25 .. counted .. 28 ... lost ... 32      noted as lost: 0 up to 32
    """
    with tale(Setup(changes=False)) as t:
        t.put(20)
        t.turns(t.worker(), 0)
        worker = t.worker()
        worker.gates.release(5, random.Random(0))
        t.put(5, after_s=61.0)
        t.eat(20)
        worker = t.worker()
        t.turns(worker)
        t.put(3, after_s=61.0)
        t.turns(worker)
        t.put(10)
        t.eat(30)
        assert untrue_losses(t.end()) == []


def test_a_takeover_that_comes_to_nothing_leaves_what_the_one_before_has_found() -> None:
    """
    zombie     0 taken over ......................... 16 sought again, refused; goes on from 0, whose horizon is empty
    worker     0 ....... 16 ....... 20
    """
    with tale(Setup(changes=False)) as t:
        t.put(20)
        zombie = t.worker()
        t.release(zombie)
        t.turns(t.worker())
        zombie.seek_again()
        t.release(zombie)
        t.turns(zombie)
        assert faults_of(t.end()) == []


def test_after_a_loss_up_to_the_end_of_the_log_no_record_is_in_two_blocks() -> None:
    """
    zombie     0 ............ 10 ... 13     block 0, of the same minute
    worker     0 .. lost .... 10 ... 13     waits for the minute to end, or block 10 would have 10 to 13 once more
    """
    with tale(Setup(changes=False, by_size=True)) as t:
        t.put(10)
        zombie = t.worker()
        t.turns(zombie, 2)
        t.eat(10)
        worker = t.worker()
        t.turns(worker, 1)
        t.put(3)
        t.turns(worker)
        t.turns(zombie)
        assert faults_of(t.end()) == []
