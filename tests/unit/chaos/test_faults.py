"""A fault that was not done is an error, never a pass."""

from __future__ import annotations

import os
import signal
from typing import Any, cast

import pytest

from tests.chaos.crash_worker import MARK, POINTS, Passage, inject
from tests.chaos.crew import Crew
from tests.chaos.pipeline import pipeline_settings
from tests.chaos.run import Outcome
from tests.chaos.scenarios import FULL, KAFKA_ONLY, SHORT, faults, plan
from tests.chaos.scene import Done, NotInflicted, Scene


class Nobody:
    """A crew and a progress log with nothing in them."""

    def tend(self) -> None: ...

    def read(self) -> None: ...


def test_what_does_not_come_to_pass_ends_the_run() -> None:
    """A crash point that is never reached, a takeover that never comes: the run has a problem, not a verdict."""
    nobody = cast(Any, Nobody())
    scene = Scene(nobody, nobody, nobody, nobody, nobody, (0,), stored_calls=lambda: 0)
    with pytest.raises(NotInflicted, match="waited 0 s for the point"):
        scene.wait("the point", lambda: False, within_s=0)


def test_a_run_without_recovery_has_no_pass() -> None:
    """Problems are the verdict."""
    outcome = Outcome(plan("zombie", SHORT), [Done("SIGSTOP", "rollup0", 0.0)], [], 0.0, problems=["not inflicted"])
    assert outcome.verdict == "not inflicted"


def test_the_signal_falls_at_the_nth_passage_alone(monkeypatch: pytest.MonkeyPatch, capfd: Any) -> None:
    """Once, and the log says so before."""
    sent: list[int] = []
    monkeypatch.setattr(os, "kill", lambda _, number: sent.append(number))
    passage = Passage("stored", 3, signal.SIGSTOP)
    for _ in range(5):
        passage()
    assert sent == [signal.SIGSTOP]
    assert capfd.readouterr().err == f"{MARK}stored\n"


def test_an_unknown_point_is_refused() -> None:
    """With the list of those there are."""
    with pytest.raises(SystemExit, match="taken over"):
        inject("nowhere", lambda: None)


def test_every_scenario_has_a_full_and_a_short_form() -> None:
    """And what needs a log that survives its broker is among them."""
    assert faults(FULL).keys() == faults(SHORT).keys() >= set(KAFKA_ONLY)
    assert {plan(name, FULL).name for name in faults(FULL)} == faults(FULL).keys()
    assert len(POINTS) == 6


def test_a_process_that_ends_in_order_by_itself_is_no_accident(tmp_path: Any) -> None:
    """The supervisor starts again what failed; whoever leaves unasked ends the run."""
    with Crew(pipeline_settings("nowhere:1", tmp_path)) as crew:
        failing = crew.start("rollup0", ["false"])
        failing.wait(60)
        crew.tend()
        assert [restart.code for restart in crew.restarts] == [1]
        crew.leave("rollup0")
        crew.start("rollup1", ["true"]).wait(60)
        with pytest.raises(RuntimeError, match="rollup1 ended with code 0"):
            crew.tend()
