"""Faults of the calls sink and its store, in short: nothing missing, nothing twice, each dead letter with its reason.

`make chaos` runs the same scenarios at length (`python -m tests.chaos.sink --kills 200`).
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.brokers import Broker
from tests.chaos.sink import SCENARIOS, SHORT, run
from tests.chaos.sink_calls import expected_of, value_of


def test_a_store_that_dies_after_an_insert(broker: Broker, tmp_path: Path) -> None:
    """It has the rows and the sink does not know it, on both brokers."""
    outcome = run(broker, "store-died-after-insert", replace(SHORT, kills=1), tmp_path)
    assert (outcome.verdict, outcome.faults) == ("pass", 1)


def test_a_sink_that_is_killed(tansu: Broker, tmp_path: Path) -> None:
    """Between its batches, or in one."""
    outcome = run(tansu, "sink-killed", replace(SHORT, kills=1), tmp_path)
    assert (outcome.verdict, outcome.faults) == ("pass", 1)


def test_a_store_that_is_down(tansu: Broker, tmp_path: Path) -> None:
    """The sink waits, does not grow by more than a batch, and catches up."""
    outcome = run(tansu, "store-down", SHORT, tmp_path)
    assert outcome.verdict == "pass"
    assert outcome.most_mb - outcome.start_mb < 150


@pytest.mark.only_long
@pytest.mark.parametrize("scenario", sorted(SCENARIOS))
def test_all_faults(broker: Broker, scenario: str, tmp_path: Path) -> None:
    assert run(broker, scenario, SHORT, tmp_path).verdict == "pass"


def test_what_is_expected_is_what_is_sent() -> None:
    """The sums follow from the numbers, as the values do."""
    values = [value_of(number) for number in range(250_000)]
    good = [n for n, value in enumerate(values) if value.endswith(b"}") and b'"refused"' not in value]
    expected = expected_of(250_000)
    assert (expected.calls, expected.ids, expected.dead) == (len(good), sum(good), 250_000 - len(good))
    assert expected.dead > 35
