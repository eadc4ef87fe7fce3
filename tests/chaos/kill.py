"""kill -9 in the middle of a stream, again and again, and not one call too few or too many.

    python -m tests.chaos.kill --broker kafka --victim rollup --kills 5 --calls 200000

A kill falls when the pipeline's own progress passes the next of kills + 1 equal shares, while no more than half a
share beyond is published: by construction the last one falls before all is sent, and each on a process that worked.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from confluent_kafka import Consumer, TopicPartition
from rich.console import Console
from rich.table import Table

from callgauge.codec import decode_window_record
from callgauge.settings import Settings
from callgauge_deploy.topics import ensure_topics
from tests.brokers import start_broker
from tests.chaos.compare import Verdict, compare
from tests.chaos.load import Load, Publisher, make_load
from tests.chaos.pipeline import Role, committed, ends, pipeline_settings, query

__all__ = ["Kill", "Outcome", "run_chaos"]

_STALLED_S = 90.0
_DEADLINE_S = 600.0


@dataclass(frozen=True)
class Kill:
    """What was published and stored when a victim was killed."""

    role: str
    pid: int
    published: int
    counted: int
    stored: int


@dataclass
class Outcome:
    """A finished run."""

    kills: list[Kill]
    verdict: Verdict
    inserted_rows: int
    seconds: float
    kills_in_the_middle: bool = field(default=False)


class Positions:
    """Follows the progress records of the windows topic: how many calls the rollup says it has counted."""

    def __init__(self, settings: Settings) -> None:
        self._consumer = Consumer(
            settings.librdkafka() | {"group.id": f"{settings.group_prefix}-watch", "enable.auto.commit": False}
        )
        self._consumer.assign([TopicPartition(settings.topics.windows.name, 0, 0)])
        self._next: dict[str, int] = {}

    def counted(self) -> int:
        """Sum of the sources' next offsets (the topic is new: they count calls)."""
        while messages := self._consumer.consume(10_000, timeout=0.05):
            for message in messages:
                value = message.value()
                if value and b'"kind":"progress"' in value[:40]:
                    for source in decode_window_record(value).sources:
                        self._next[source.source] = max(self._next.get(source.source, 0), source.next_offset)
        return sum(self._next.values())

    def close(self) -> None:
        self._consumer.close()


class Run:
    """One pipeline with one load, from the first call to the verdict."""

    def __init__(self, settings: Settings, load: Load, victims: tuple[str, ...], kills: int, seed: int) -> None:
        self._settings = settings
        self._load = load
        self._victims = victims
        self._kills = kills
        self._rng = random.Random(seed)
        self._roles = {name: Role(name, settings) for name in ("sinks", "rollup")}
        self._publisher = Publisher(settings, load, per_s=len(load) / 12, gate=0)
        self._done: list[Kill] = []
        self._stored = 0
        self._counted = 0

    def play(self) -> Outcome:
        """Publish, kill, wait until all is stored, compare."""
        started = time.monotonic()
        ensure_topics(self._settings)
        with ExitStack() as stack:
            for role in self._roles.values():
                stack.enter_context(role)
            for role in self._roles.values():
                role.wait_ready()
            self._positions = Positions(self._settings)
            stack.callback(self._positions.close)
            stack.enter_context(self._publisher.running())
            for number in range(1, self._kills + 1):
                self._kill_at(number)
            self._publisher.gate = len(self._load)
            self._wait_for("everything to be stored", self._all_stored)
            self._wait_for("the windows sink to reach the end", self._windows_drained())
            verdict = compare(self._ask, self._load)
            [[inserted]] = self._ask("SELECT count() FROM calls")
        middle = all(max(kill.counted, kill.stored) > 0 and kill.published < len(self._load) for kill in self._done)
        return Outcome(self._done, verdict, int(inserted), time.monotonic() - started, middle)

    def _kill_at(self, number: int) -> None:
        """The kill of this number: somewhere after its share, before more than half a share beyond is published."""
        share = len(self._load) / (self._kills + 1)
        self._publisher.gate = int((number + 0.5) * share)
        self._wait_for(f"kill {number}", lambda: self._progress() >= number * share)
        time.sleep(self._rng.uniform(0, 0.4))
        victims = [self._roles[name] for name in self._victims]
        self._stored_calls()
        for role in victims:
            pid, published = role.process.pid, self._publisher.sent
            role.kill()
            self._done.append(Kill(role.name, pid, published, self._positions.counted(), self._stored))
        time.sleep(self._rng.uniform(0, 0.5))
        for role in victims:
            role.start()
        for role in victims:
            role.wait_ready()

    def _progress(self) -> int:
        """Calls the victims have dealt with."""
        counted = self._positions.counted() if "rollup" in self._victims else len(self._load)
        stored = self._stored_calls() if "sinks" in self._victims else len(self._load)
        return min(counted, stored)

    def _stored_calls(self) -> int:
        [[count]] = self._ask("SELECT uniqExact(event_id) FROM calls")
        self._stored = int(count)
        return self._stored

    def _all_stored(self) -> bool:
        [[counted]] = self._ask("SELECT sum(counted) FROM blocks_final")
        self._counted = int(counted)
        return self._counted >= len(self._load) and self._stored_calls() >= len(self._load)

    def _windows_drained(self) -> Callable[[], bool]:
        """Whether all that is on the windows topic now has been stored."""
        topic = self._settings.topics.windows
        goal = ends(self._settings, topic.name, topic.partitions)

        def drained() -> bool:
            at = committed(self._settings, "sink-windows", topic.name, topic.partitions)
            return all(offset >= end for offset, end in zip(at, goal, strict=True))

        return drained

    def _wait_for(self, what: str, condition: Callable[[], bool]) -> None:
        """Poll; ends early when a process ended by itself or nothing moves any more."""
        deadline = time.monotonic() + _DEADLINE_S
        last, moved_at = None, time.monotonic()
        while not condition():
            for role in self._roles.values():
                role.check()
            state = (self._publisher.confirmed, self._positions.counted(), self._stored, self._counted)
            if state != last:
                last, moved_at = state, time.monotonic()
            if self._publisher.errors or time.monotonic() > min(deadline, moved_at + _STALLED_S):
                raise RuntimeError(
                    f"waiting for {what}: nothing moves. Confirmed, counted, calls stored, in blocks: {state} of "
                    f"{len(self._load)}; {self._publisher.errors[:3]}"
                )
            time.sleep(0.1)

    def _ask(self, sql: str) -> list[list[Any]]:
        return query(self._settings, sql)


def run_chaos(
    bootstrap: str, load: Load, *, victim: str, kills: int, folder: Path, seed: int, **settings: object
) -> Outcome:
    """One run on a broker; `folder` gets the store and the processes' logs."""
    victims = ("rollup", "sinks") if victim == "both" else (victim,)
    return Run(pipeline_settings(bootstrap, folder, **settings), load, victims, kills, seed).play()


def _show(outcome: Outcome, asked: int) -> bool:
    table = Table("kill", "role", "pid", "published", "counted by rollup", "stored", title="kill -9")
    for number, kill in enumerate(outcome.kills, 1):
        cells = (number, kill.role, kill.pid, kill.published, kill.counted, kill.stored)
        table.add_row(*(f"{cell:,}" if isinstance(cell, int) else cell for cell in cells))
    console = Console()
    console.print(table)
    verdict = outcome.verdict
    console.print(
        f"calls {verdict.calls:,} (rows inserted {outcome.inserted_rows:,}), windows compared {verdict.windows:,}, "
        f"call sums equal: {verdict.sums_equal}, {outcome.seconds:.0f} s"
    )
    for key in verdict.wrong_windows[:10]:
        console.print(f"wrong: {key}")
    print(verdict)
    return verdict.exact and len(outcome.kills) >= asked and outcome.kills_in_the_middle


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--broker", choices=("kafka", "tansu"), default="tansu")
    parser.add_argument("--victim", choices=("rollup", "sinks", "both"), default="rollup")
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--calls", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    load = make_load(options.calls, options.seed)
    with start_broker(options.broker) as broker, tempfile.TemporaryDirectory(prefix="callgauge-kill-") as folder:
        outcome = run_chaos(
            broker.bootstrap,
            load,
            victim=options.victim,
            kills=options.kills,
            folder=Path(folder),
            seed=options.seed,
        )
    sys.exit(0 if _show(outcome, options.kills) else 1)


if __name__ == "__main__":
    main()
