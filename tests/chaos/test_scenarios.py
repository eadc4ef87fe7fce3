"""The scenarios in short, with fixed seeds: whatever happens, nothing is lost, doubled, wrong or judged early."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.brokers import Broker
from tests.chaos.run import run
from tests.chaos.scenarios import MANY, SHORT, plan


@pytest.mark.parametrize("name", ["kill-rollup", "kill-sinks"])
def test_kill_9_in_the_middle_of_200_000_calls(broker: Broker, name: str, tmp_path: Path) -> None:
    """Five kill -9, each on processes that had worked since the one before."""
    outcome = run(broker, plan(name, MANY), seed=42, folder=tmp_path)
    assert outcome.verdict == "pass"
    assert [done.fault for done in outcome.faults] == ["kill -9"] * 5
    assert outcome.audit is not None
    assert outcome.audit.verdict.calls > 180_000


def test_workers_come_and_go(broker: Broker, tmp_path: Path) -> None:
    """A third worker joins and leaves three times."""
    outcome = run(broker, plan("join-leave", SHORT), seed=43, folder=tmp_path)
    assert outcome.verdict == "pass"
    assert len(outcome.faults) == 3


@pytest.mark.parametrize("name", ["crash-points", "zombie", "zombie-points"])
def test_a_worker_dies_or_freezes_at_the_worst_moment(kafka: Broker, name: str, tmp_path: Path) -> None:
    """At each named point, or for longer than its session lasts while another one takes over."""
    outcome = run(kafka, plan(name, SHORT), seed=44, folder=tmp_path)
    assert outcome.verdict == "pass"
