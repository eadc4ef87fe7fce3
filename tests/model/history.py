"""Histories: what happens to the log, the group and its workers, step by step.

A step is a rule and a number, from which the rule draws what it leaves open. So a history is a list, which Hypothesis
makes shorter, and which can be written down.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from faust.types import TP

from callgauge.settings import Settings
from tests.model.broker import Cluster
from tests.model.gates import SimulatedLoop
from tests.model.log import Log, append_calls
from tests.model.worker import Worker, settings_of, simulated_readers

__all__ = ["RULES", "SETTINGS", "Setup", "Step", "Stuck", "World", "play", "random_setup", "random_steps", "world_of"]

_START_S = 1_700_000_000.0
_ROUNDS = 300

_PLAIN: dict[str, Any] = {
    "groupings": "@10s service,model@60s",
    "block_offsets": 16,
    "dedup_offsets": 40,
    "dedup_s": 60.0,
    "series_cap": 1_000,
}
SETTINGS: tuple[dict[str, Any], ...] = (
    _PLAIN,
    {**_PLAIN, "block_offsets": 24},
    {**_PLAIN, "groupings": "@10s model@10s service@30s"},
    {**_PLAIN, "dedup_offsets": 15, "dedup_s": 5.0},
    {**_PLAIN, "dedup_offsets": 0},
    {**_PLAIN, "series_cap": 2},
)
_WIDEST = (40, 60_000)


class Stuck(Exception):  # a verdict, no error of the model
    """Nobody reads the log to its end."""


@dataclass(frozen=True)
class Setup:
    """What a history begins with."""

    partitions: int = 1
    stamped: bool = True
    changes: bool = True
    """Whether workers may come with other settings."""
    by_size: bool = False
    """Whether retention eats records of the minute that it is, too; by time it never does."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a history."""

    rule: str
    number: int


@dataclass
class World:
    """A cluster and the processes around it."""

    setup: Setup
    loop: SimulatedLoop
    cluster: Cluster = field(init=False)
    live: list[Worker] = field(default_factory=list)
    zombies: list[Worker] = field(default_factory=list)
    """Hung, or no members of the group any more, and do not know it."""
    topics: int = 0
    workers: int = 0

    def __post_init__(self) -> None:
        self.cluster = Cluster({}, "", [[], []], _START_S)
        self._make_topic()

    def _make_topic(self) -> None:
        self.topics += 1
        origin = f"cluster/topic{self.topics}"
        self.cluster.retired += self.cluster.logs.values()
        self.cluster.origin = origin
        self.cluster.logs = {
            TP("llm.calls", partition): Log(f"{origin}/{partition}", self.setup.stamped, _WIDEST)
            for partition in range(self.setup.partitions)
        }

    # The log

    def append(self, rng: random.Random) -> None:
        """Records, and time goes on."""
        self.cluster.now += rng.choice((0.0, 0.01, 0.3, 1.5, 6.0, 40.0))
        for log in self.cluster.logs.values():
            append_calls(log, self.cluster.now, rng, rng.choice((1, 2, 5, 12)))

    def wait(self, rng: random.Random) -> None:
        """Time goes on."""
        self.cluster.now += rng.choice((0.3, 1.1, 2.5, 70.0))

    def retain(self, rng: random.Random) -> None:
        """Retention eats the oldest records, sometimes all; without the broker's stamps only what is committed, since
        nothing surely is a block start then."""
        if not self.setup.by_size:
            self.cluster.now += 60.0
        for tp, log in self.cluster.logs.items():
            to = rng.randint(log.start, log.end) if rng.random() < 0.8 else log.end
            if not self.setup.stamped:
                committed = self.cluster.coordinator.committed.get(tp)
                if committed:
                    log.retain_from(min(to, committed.offset), limit=committed.offset)
            else:
                log.retain_from(to)

    def recreate(self, _: random.Random) -> None:
        """The topic is deleted, with what was committed of it, and made anew; its workers are started again, and some
        hang on."""
        self.zombies += self.live
        self.live = []
        self.cluster.coordinator.committed.clear()
        self._make_topic()

    # The group

    def join(self, rng: random.Random) -> None:
        """A worker is started."""
        self.workers += 1
        settings: Settings = settings_of(**(rng.choice(SETTINGS) if self.setup.changes else SETTINGS[0]))
        skew_s = rng.choice((0.0, 0.0, -90.0, 90.0))
        name = f"w{self.workers}"
        self.live.append(Worker(name, self.cluster, self.loop, settings, skew_s))
        self.rebalance(rng)

    def rebalance(self, rng: random.Random) -> None:
        """The group begins a new generation, whoever is late for it is out."""
        on_time = [worker for worker in self.live if rng.random() < 0.9] or self.live
        for worker in on_time:
            worker.revoke()
            if rng.random() < 0.3:
                worker.gates.release(rng.choice((1, 5, 40)), rng)
        self.zombies += [worker for worker in self.live if worker not in on_time]
        self.live = on_time
        order = rng.sample(on_time, len(on_time))
        coordinator = self.cluster.coordinator
        coordinator.rebalance([worker.name for worker in order], sorted(self.cluster.logs))
        for worker in order:
            worker.assign(coordinator.assigned[worker.name], coordinator.generation)

    def seek_again(self, rng: random.Random) -> None:
        """A member takes over once more what it has."""
        if self.live:
            rng.choice(self.live).seek_again()

    def work(self, rng: random.Random) -> None:
        """A member does some of what it has to do."""
        if not self.live:
            self.join(rng)
        worker = rng.choice(self.live)
        worker.work(rng)
        self._bury(worker)

    def catch_up(self, rng: random.Random) -> None:
        """Members do all they have to do, for some seconds."""
        for _ in range(rng.randint(1, 4)):
            self.cluster.now += 1.1
            for worker in list(self.live):
                self._turn(worker, rng)

    def _turn(self, worker: Worker, rng: random.Random) -> None:
        worker.turn(rng)
        self._bury(worker)

    def _bury(self, worker: Worker) -> None:
        if worker.died is not None:
            self.live = [other for other in self.live if other is not worker]
            self.zombies = [other for other in self.zombies if other is not worker]

    def crash(self, rng: random.Random) -> None:
        """A process is gone; what it sent last may still arrive."""
        every = self.live + self.zombies
        if every:
            worker = rng.choice(every)
            if rng.random() < 0.3:
                worker.gates.release(rng.choice((1, 3, 10)), rng)
            worker.died = worker.died or RuntimeError("killed")
            self._bury(worker)

    def hang(self, rng: random.Random) -> None:
        """A member hangs; the group goes on without it."""
        if self.live:
            worker = self.live.pop(rng.randrange(len(self.live)))
            self.zombies.append(worker)
            if rng.random() < 0.7:
                self.join(rng)

    def wake(self, rng: random.Random) -> None:
        """A zombie goes on where it was."""
        if self.zombies:
            worker = rng.choice(self.zombies)
            for _ in range(rng.choice((1, 1, 4))):
                worker.work(rng)
            self._bury(worker)

    def rejoin(self, rng: random.Random) -> None:
        """A zombie learns that it is no member, and becomes one again. Not of another topic: there it was restarted."""
        able = [worker for worker in self.zombies if worker.logs is self.cluster.logs]
        if able:
            worker = rng.choice(able)
            self.zombies.remove(worker)
            self.live.append(worker)
            self.rebalance(rng)

    # The end

    def finish(self, rng: random.Random) -> None:
        """A last worker reads everything; then all zombies wake."""
        self.zombies += self.live
        self.live = []
        for _ in range(_ROUNDS):
            if not self.live:
                self.join(rng)
            self.cluster.now += 1.1
            self._turn(self.live[0], rng)
            if self.live and self.live[0].idle():
                break
        else:
            raise Stuck("the last worker does not come to an end")
        for worker in self.zombies:
            for _ in range(3):
                worker.work(rng)
            worker.gates.release(10_000, rng)
        self.cluster.now += 1.1
        self._turn(self.live[0], rng)


#: Each rule, and how often it is drawn.
RULES: dict[str, tuple[Callable[[World, random.Random], None], int]] = {
    "append": (World.append, 24),
    "work": (World.work, 30),
    "catch_up": (World.catch_up, 8),
    "wait": (World.wait, 4),
    "join": (World.join, 3),
    "rebalance": (World.rebalance, 5),
    "seek_again": (World.seek_again, 2),
    "crash": (World.crash, 4),
    "hang": (World.hang, 5),
    "wake": (World.wake, 9),
    "rejoin": (World.rejoin, 4),
    "retain": (World.retain, 2),
    "recreate": (World.recreate, 1),
}


def random_steps(rng: random.Random, most: int = 80) -> list[Step]:
    """A history at random."""
    names, weights = list(RULES), [weight for _, weight in RULES.values()]
    drawn = rng.choices(names, weights, k=rng.randint(most // 8, most))
    return [Step(name, rng.randrange(1_000)) for name in drawn]


@contextmanager
def world_of(setup: Setup) -> Iterator[World]:
    """A world, to be told what happens."""
    loop = SimulatedLoop()
    try:
        with simulated_readers():
            yield World(setup, loop)
    finally:
        loop.end()


def play(setup: Setup, steps: Sequence[Step]) -> Cluster:
    """Let it happen, and read the log to its end; returns what is left."""
    with world_of(setup) as world:
        for step in steps:
            RULES[step.rule][0](world, random.Random(f"{step.rule} {step.number}"))
        world.finish(random.Random(0))
        return world.cluster


def random_setup(rng: random.Random) -> Setup:
    """A beginning at random."""
    partitions, stamped, changes = rng.choice((1, 1, 2)), rng.random() < 0.8, rng.random() < 0.7
    return Setup(partitions, stamped, changes, by_size=rng.random() < 0.3)
