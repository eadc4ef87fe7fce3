"""One run: a pipeline under dirty traffic, faults one after the other, and then everything is counted again."""

from __future__ import annotations

import random
import shutil
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from confluent_kafka import KafkaException

from callgauge.settings import Settings
from callgauge_deploy.topics import ensure_topics
from tests.brokers import Broker
from tests.chaos.compare import Audit, audit
from tests.chaos.crew import Crew, Restart
from tests.chaos.expected import Expected, expect, read_calls
from tests.chaos.faults import Fault
from tests.chaos.pipeline import committed, pipeline_settings, query
from tests.chaos.progress import ProgressLog
from tests.chaos.scene import Done, Scene
from tests.chaos.sender import Sender
from tests.chaos.sent import SentWindows, read_windows
from tests.chaos.traffic import Dirt, traffic
from tests.oracle import merged

__all__ = ["Outcome", "Plan", "run"]

_STALLED_S = 60.0
_TAIL_S = 2.0


@dataclass(frozen=True)
class Plan:
    """What is sent, how fast, for how long at least, and what is done meanwhile."""

    name: str
    fault: Fault
    per_s: float
    calls: int
    dirt: Dirt
    partitions: int
    recovers_within_s: float = 30.0
    """After the last fault all partitions must be consumed again."""
    settings: dict[str, object] = field(default_factory=dict)


@dataclass
class Outcome:
    """A finished run."""

    plan: Plan
    faults: list[Done]
    restarts: list[Restart]
    seconds: float
    recovery_s: list[float | None] = field(default_factory=list)
    """After each fault; None: consuming did not go on."""
    audit: Audit | None = None
    early: int = 0
    """Progress records whose watermark was too far ahead."""
    problems: list[str] = field(default_factory=list)

    @property
    def verdict(self) -> str:
        """ "pass", or what was not as it must be."""
        return "; ".join(self.problems) or "pass"


def run(broker: Broker, plan: Plan, *, seed: int, folder: Path) -> Outcome:
    """Run a plan. What went wrong is in the outcome's `problems`.

    Args:
        folder: emptied first; keeps the processes' logs, and the store unless all is well.
    """
    started = time.monotonic()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    values = {"partitions": plan.partitions, "dedup_s": plan.dirt.dedup_s} | plan.settings
    settings = pipeline_settings(broker.bootstrap, folder, **values)
    ensure_topics(settings)
    with ExitStack() as stack:
        crew = stack.enter_context(Crew(settings))
        progress = ProgressLog(settings)
        stack.callback(progress.close)
        for role in [crew.start(name) for name in ("sinks", "rollup0", "rollup1")]:
            role.wait_ready()
        sender = Sender(settings, traffic(plan.dirt, seed=seed, start=time.time(), per_s=plan.per_s))
        rng = random.Random(seed)
        scene = Scene(
            broker, crew, progress, sender, rng, plan.dirt.partitions, stored_calls=lambda: _stored_calls(settings)
        )
        outcome = Outcome(plan, scene.done, crew.restarts, 0.0)
        try:
            _send_and_inflict(scene, plan)
            _count_again(scene, settings, outcome)
        except (RuntimeError, httpx.HTTPError, KafkaException) as error:
            outcome.problems.append(str(error))
        outcome.recovery_s = [scene.recovery_s(done) for done in scene.done]
    outcome.problems += _problems(outcome)
    outcome.seconds = time.monotonic() - started
    if not outcome.problems:
        shutil.rmtree(folder / "clickhouse", ignore_errors=True)
    return outcome


def _send_and_inflict(scene: Scene, plan: Plan) -> None:
    """Inflict the faults while calls are being sent, and go on sending until all partitions are consumed again."""
    with scene.sender.running():
        for role in scene.crew.workers():
            scene.wait_at_work(role)
        plan.fault(scene)
        scene.wait_recovered()
        scene.wait(
            f"{plan.calls} calls to be sent", lambda: scene.sender.sent >= plan.calls, plan.calls / plan.per_s + 60
        )
        scene.pass_time(_TAIL_S)


def _count_again(scene: Scene, settings: Settings, outcome: Outcome) -> None:
    expected = expect(read_calls(settings), settings)
    if expected.values != scene.sender.values or len(expected.poison) != scene.sender.acknowledged["poison"]:
        raise RuntimeError("the log of calls does not hold what the broker acknowledged")
    _wait_stored(scene, settings, expected)
    sent = _wait_sent(scene, settings, expected)
    outcome.problems += _problems_of_rows(sent, expected)
    scene.wait("the windows sink to store what was sent", _windows_drained(settings, sent))
    outcome.audit = audit(lambda sql: query(settings, sql), expected)
    outcome.early = len(expected.clock.early(scene.progress.read().told()))


def _problems_of_rows(sent: SentWindows, expected: Expected) -> list[str]:
    """The same windows from the rows themselves, with no store between; equal identity and n must mean equal rows."""
    try:
        totals = merged(sent.rows)
    except AssertionError as error:
        return [str(error)]
    wrong = [key for key in totals.keys() | expected.windows.keys() if totals.get(key) != expected.windows.get(key)]
    return [f"{len(wrong)} windows wrong on the topic"] if wrong else []


def _wait_stored(scene: Scene, settings: Settings, expected: Expected) -> None:
    """Wait until the store has as much as it should, or nothing changes any more; the audit then says what is
    missing."""
    last: object = None
    moved_at = time.monotonic()
    while time.monotonic() - moved_at < _STALLED_S:
        scene.crew.tend()
        [[records]] = query(settings, "SELECT sum(records) FROM blocks_final")
        [[dead]] = query(settings, "SELECT count() FROM dead_letters FINAL")
        state = (int(records or 0), int(dead), _stored_calls(settings))
        if all(a >= b for a, b in zip(state, (expected.records, len(expected.poison), len(expected)), strict=True)):
            break
        if state != last:
            last, moved_at = state, time.monotonic()
        time.sleep(0.2)


def _wait_sent(scene: Scene, settings: Settings, expected: Expected) -> SentWindows:
    """Read the windows topic when all rows are on it, or in vain for a while: then the recount says what is missing.

    A block's summary goes to every partition, behind the block's rows of that partition: to have it from one says
    nothing of the rows in another.
    """
    until = time.monotonic() + _STALLED_S
    while True:
        sent = read_windows(settings)
        if sent.records_summed() >= expected.records or time.monotonic() > until:
            return sent
        scene.pass_time(0.5)


def _windows_drained(settings: Settings, sent: SentWindows) -> Callable[[], bool]:
    """Whether all these records have been stored."""
    topic = settings.topics.windows

    def drained() -> bool:
        at = committed(settings, "sink-windows", topic.name, topic.partitions)
        return all(at[partition] >= offset for partition, offset in sent.next_offsets.items())

    return drained


def _stored_calls(settings: Settings) -> int:
    [[count]] = query(settings, "SELECT uniqExact(event_id) FROM calls")
    return int(count)


def _problems(outcome: Outcome) -> list[str]:
    problems = [] if outcome.audit is None else outcome.audit.problems()
    if outcome.early:
        problems.append(f"{outcome.early} watermarks ahead of the log")
    last = outcome.recovery_s[-1] if outcome.recovery_s else None
    if last is None:
        problems.append("not consuming again")
    elif last > outcome.plan.recovers_within_s:
        problems.append(f"consuming again after {last:.0f} s, more than {outcome.plan.recovers_within_s:g}")
    return problems
