"""Which stretches are played, and what counts as a page."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from callgauge.groupings import parse_groupings
from callgauge_load.incidents.catalogue import KINDS
from tests.bench.detection.judged import Judge
from tests.bench.detection.plan import HELD_OUT_FROM, JUDGING_FROM, Size, load_of, seeds_of

SIZE = Size(services=4, per_s=1.0, days=0.4)


def test_every_kind_happens_once_and_apart() -> None:
    """One after the other, none in the first stretch, all within the days."""
    load = load_of(5, SIZE, parse_groupings("service@10s"))
    incidents = sorted(load.incidents, key=lambda incident: incident.start_s)
    assert sorted(incident.kind.name for incident in incidents) == sorted(KINDS)
    assert incidents[0].start_s >= 0.15 * load.seconds - 1
    ends = [0.0, *(incident.end_s for incident in incidents)]
    assert all(incident.start_s > end for incident, end in zip(incidents, ends, strict=False))
    assert ends[-1] <= load.seconds


def test_seeds_are_apart() -> None:
    """A third is held out; those for judging are taken only when asked for."""
    tuning, held_out = seeds_of(21)
    assert (len(tuning), len(held_out)) == (14, 7)
    assert max(tuning) < HELD_OUT_FROM <= min(held_out) <= max(held_out) < JUDGING_FROM
    assert min(seeds_of(21, JUDGING_FROM)[1]) == JUDGING_FROM


def test_a_warning_that_gets_worse_is_a_page_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once an episode, however often it is told; what is told as resolved, or for information, is neither."""
    judge = Judge([])

    def told(at: float, severity: str, episode: str = "one", state: str = "firing", fired_at: float = 10.0) -> Any:
        return SimpleNamespace(
            rule="r", aggregate="calls", labels={"service": "chat"}, lookback_s=10.0, fingerprint="f", alert_id=episode,
            at=at, fired_at=fired_at, severity=severity, state=state,
        )  # fmt: skip

    log = [
        told(10, "warning"),
        told(20, "critical"),
        told(30, "critical"),
        told(40, "critical", state="resolved"),
        told(50, "critical", "two", fired_at=50),
        told(60, "info", "three", fired_at=60),
    ]
    monkeypatch.setattr(judge, "_engine", SimpleNamespace(take=lambda *_: log))
    judge.take(0, 0, None)
    assert [(firing.at_s, firing.page) for firing in judge.firings] == [(13.0, False), (23.0, True), (53.0, True)]
