"""The life of an alert, drawn as timelines: one letter per window of 10 s.

conditions   x holds, . does not
states       - inactive, P pending, F firing; a lower-case r marks the window that resolved
"""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callgauge_rules.lifecycle import State, Timing, observe, step

WINDOW_MS = 10_000


def timeline(conditions: str, timing: Timing) -> str:
    state, drawn = State(), ""
    for i, condition in enumerate(conditions):
        before = state
        state = step(state, timing, condition == "x", (i + 1) * WINDOW_MS)
        ended = before.phase == "firing" and state.phase == "inactive"
        drawn += "r" if ended else {"inactive": "-", "pending": "P", "firing": "F"}[state.phase]
    return drawn


@pytest.mark.parametrize(
    ("timing", "conditions", "states"),
    [
        (Timing(), "..x.xx.", "--FrFFr"),
        (Timing(for_ms=20_000), "..xx.xxxx..", "--PP-PPFFr-"),
        (Timing(keep_firing_for_ms=20_000), ".x.x....", "-FFFFFr-"),
        (Timing(keep_firing_for_ms=10_000), "x.x.x...", "FFFFFFr-"),
        (Timing(cooldown_ms=50_000), "x.x.xxxx..", "FrP-PFFFr-"),
        (Timing(for_ms=10_000, cooldown_ms=40_000), "xx.xxxxx", "PFrPPFFF"),
    ],
)
def test_timelines(timing: Timing, conditions: str, states: str) -> None:
    assert timeline(conditions, timing) == states


@given(st.text("x.", max_size=40), st.builds(Timing, *[st.integers(0, 60_000)] * 3))
def test_firing_alerts_are_at_least_a_cooldown_apart(conditions: str, timing: Timing) -> None:
    state, fired = State(), []
    for i, condition in enumerate(conditions):
        before, state = state, step(state, timing, condition == "x", i * WINDOW_MS)
        if before.phase != "firing" and state.phase == "firing":
            fired.append(i * WINDOW_MS)
    assert all(later - earlier >= timing.cooldown_ms for earlier, later in pairwise(fired))


def test_an_episodes_transitions_are_counted_from_zero() -> None:
    timing, state, seen = Timing(for_ms=10_000), State(), []
    for i, holds in enumerate([True, True, False, True]):
        state = step(state, timing, holds, (i + 1) * WINDOW_MS)
        seen.append((state.phase, state.seq, state.starts_at_ms))
    assert seen == [("pending", 0, 10_000), ("firing", 1, 10_000), ("inactive", 2, 10_000), ("pending", 0, 40_000)]


def test_observing_a_window_again_is_never_a_transition() -> None:
    firing = step(State(), Timing(), True, 10_000)
    again = observe(firing, True, 20_000)
    assert (again.phase, again.at_ms, again.last_true_ms) == ("firing", 10_000, 20_000)
    assert observe(firing, False, 30_000) == firing
