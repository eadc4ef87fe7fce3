"""kill -9 of the notifier while it tells alerts: nothing is lost, and a kill repeats one message a receiver at most."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.brokers import Broker
from tests.chaos.notify import run


@pytest.mark.long
def test_killed_while_it_tells(broker: Broker, long: bool, tmp_path: Path) -> None:
    """Two kills, 30 with --long; `make chaos` also kills a hundred times."""
    kills = 30 if long else 2
    verdict = run(broker, kills, seed=7, folder=tmp_path)
    assert (verdict.lost, verdict.wrong_incidents) == (0, 0)
    assert verdict.repeated <= kills
