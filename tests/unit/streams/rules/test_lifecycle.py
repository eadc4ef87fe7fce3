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


def ranks(timing: Timing, *given: int) -> list[tuple[str, int, int]]:
    """Phase, rank and seq after each window of 10 s."""
    state, found = State(), []
    for at, rank in enumerate(given):
        state = step(state, timing, rank, 10_000 * (at + 1))
        found.append((state.phase[0], state.rank if state.phase != "inactive" else 0, state.seq))
    return found


def test_an_alert_fires_with_the_rank_that_held_throughout() -> None:
    """
    rank     2 4 2          for: 2 windows, so a single 4 is not enough
    """
    assert ranks(Timing(for_ms=20_000), 2, 4, 2) == [("p", 2, 0), ("p", 2, 0), ("f", 2, 1)]
    assert ranks(Timing(for_ms=20_000), 4, 4, 4)[-1] == ("f", 4, 1)


def test_a_firing_alert_is_told_again_when_it_gets_worse() -> None:
    """
    rank     2 4 4 4 2 .    told as 4 once it has held for 2 windows; it never falls again within the episode
    """
    found = ranks(Timing(for_ms=20_000), 2, 2, 2, 4, 4, 4, 2, 0)
    assert found[2:] == [("f", 2, 1), ("f", 2, 1), ("f", 2, 1), ("f", 4, 2), ("f", 4, 2), ("i", 0, 3)]
    assert ranks(Timing(), 2, 4) == [("f", 2, 0), ("f", 4, 1)]


def test_a_gap_begins_the_worse_rank_anew() -> None:
    """
    rank     2 4 . 4 4      keep_firing_for bridges the gap, but 4 has held for one window only
    """
    timing = Timing(for_ms=10_000, keep_firing_for_ms=20_000)
    assert ranks(timing, 2, 2, 4, 0, 4)[-1] == ("f", 2, 1)
    assert ranks(timing, 2, 2, 4, 0, 4, 4)[-1] == ("f", 4, 2)


def flapping(timing: Timing, *given: int, minutes: int = 1) -> list[tuple[str, bool, int]]:
    """Phase, whether it flaps, and seq after each window of so many minutes."""
    state, found = State(), []
    for at, rank in enumerate(given):
        state = step(state, timing, rank, 60_000 * minutes * (at + 1))
        found.append((state.phase[0], state.flapping, state.seq))
    return found


def test_an_alert_that_changes_too_often_is_kept_firing_until_it_is_quiet() -> None:
    """
    condition   x . x . x . x . . (15 minutes)       the fifth change fires as flapping; nothing more until it is quiet
    """
    found = flapping(Timing(), 1, 0, 1, 0, 1, 0, 1, *[0] * 16, 1)
    assert found[:5] == [("f", False, 0), ("i", False, 1), ("f", False, 0), ("i", False, 1), ("f", True, 0)]
    assert set(found[5:22]) == {("f", True, 0)}
    assert found[22:] == [("i", False, 1), ("f", False, 0)]


def test_changes_more_than_an_hour_apart_are_no_flapping() -> None:
    assert not any(flaps for _, flaps, _ in flapping(Timing(), *[1, 0] * 20, minutes=16))


def test_an_alert_that_flaps_at_its_end_is_told_so_once() -> None:
    """The fifth change is an end when the first one lies more than an hour back: then it goes on, and says so."""
    state = State("firing", 0, 0, 3, 0, 0, 0, changes_ms=(0, 1, 2, 3))
    after = step(state, Timing(), 0, 10)
    assert (after.phase, after.flapping, after.seq, after.at_ms) == ("firing", True, 4, 10)
    assert step(after, Timing(), 0, 20) == after
