"""Detect workers that die and hang tell what one undisturbed worker tells. In full: `make chaos`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.brokers import Broker
from tests.chaos.detect import run, settings_for


@pytest.mark.only_long
def test_deaths_between_alert_snapshot_and_commit_change_no_alert(kafka: Broker, tmp_path: Path) -> None:
    result = run(settings_for(kafka, tmp_path), tmp_path, kills=8, freezes=1, seed=3)
    assert (result.lost, result.wrong, result.told_again) == (0, 0, 0)
    assert result.expected > 50
    assert result.from_snapshots > 0
