"""200,000 calls, five kill -9 in their middle, on both brokers: ClickHouse equals the recount exactly."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.brokers import Broker
from tests.chaos.kill import run_chaos
from tests.chaos.load import Load, make_load

CALLS, KILLS = 200_000, 5


@pytest.fixture(scope="session")
def load() -> Load:
    """Encoded and recounted once for all runs."""
    return make_load(CALLS, seed=41)


@pytest.mark.parametrize("victim", ["rollup", "sinks"])
def test_nothing_is_lost_or_counted_twice(broker: Broker, victim: str, load: Load, tmp_path: Path) -> None:
    """Calls, and n, tokens, cost and latency of every window, are those of the plain recount."""
    outcome = run_chaos(broker.bootstrap, load, victim=victim, kills=KILLS, folder=tmp_path, seed=42)
    assert str(outcome.verdict) == "missing 0, duplicates 0, wrong windows 0"
    assert outcome.verdict.exact
    assert outcome.verdict.calls == CALLS
    assert outcome.verdict.windows == len(load.windows)
    assert len({kill.pid for kill in outcome.kills}) == KILLS
    assert outcome.kills_in_the_middle
