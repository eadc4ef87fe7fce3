"""The scenarios in short, with fixed seeds: whatever happens, nothing is lost, doubled, wrong or judged early.

One of each kind; all of them, longer, with more faults and on both brokers are `make chaos`.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.brokers import Broker
from tests.chaos.run import run
from tests.chaos.scenarios import SHORT, plan


def only_long(name: str) -> Any:
    return pytest.param(name, marks=pytest.mark.only_long)


@pytest.mark.long
@pytest.mark.parametrize(("name", "on"), [("kill-rollup", "tansu"), ("kill-sinks", "kafka")])
def test_kill_9(request: pytest.FixtureRequest, name: str, on: str, tmp_path: Path, long: bool) -> None:
    """Each on processes that had worked since the one before: either worker and both; the sinks twice, three times
    with --long."""
    kills = 2 if name == "kill-sinks" and not long else 3
    outcome = run(request.getfixturevalue(on), plan(name, replace(SHORT, kills=kills)), seed=42, folder=tmp_path)
    assert outcome.verdict == "pass"
    assert [done.fault for done in outcome.faults] == ["kill -9"] * kills
    assert outcome.audit is not None
    assert outcome.audit.verdict.calls > 2_500


@pytest.mark.long
def test_workers_come_and_go(broker: Broker, tmp_path: Path, long: bool) -> None:
    """A third worker joins and leaves; with --long twice."""
    cycles = 2 if long else 1
    outcome = run(broker, plan("join-leave", replace(SHORT, cycles=cycles)), seed=43, folder=tmp_path)
    assert outcome.verdict == "pass"
    assert len(outcome.faults) == cycles


@pytest.mark.parametrize("name", [only_long("crash-points"), "zombie", only_long("zombie-points")])
def test_a_worker_dies_or_freezes_at_the_worst_moment(kafka: Broker, name: str, tmp_path: Path) -> None:
    """At each named point, or for longer than its session lasts while another one takes over."""
    outcome = run(kafka, plan(name, SHORT), seed=44, folder=tmp_path)
    assert outcome.verdict == "pass"
