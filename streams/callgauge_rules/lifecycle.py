"""The life of an alert, as in Prometheus: inactive -> pending (`for`) -> firing -> (`keep_firing_for`) -> resolved.

    condition   . . x x x x x . x . . . .
    state       - - P P F F F F F F F R -      for: 2 windows, keep_firing_for: 2 windows

`keep_firing_for` counts from the first window without the condition: of one window it outlasts a gap of one.
Cooldown counts from firing, never from pending: an alert that fired less than `cooldown` ago does not fire again; it
stays pending until the cooldown is over (`held_until_ms`). Everything is a pure function of the last transition and the
next window's judgement, so a replay of the log gives the same alerts. Times are epoch ms, ends of windows.

A condition holds to a rank: how severe it is. An alert fires with the rank that held throughout `for`, and is told once
more, firing, when a higher one has held for so long. Within an episode its rank never falls.

    rank        2 2 2 4 4 4 4 2 .
    state       P P F . . F . . R              for: 2 windows; fires as 2, is told as 4

An alert that would fire or be resolved for the fifth time within an hour flaps: it is told so once, and is kept firing
until its condition has not held for a quarter of an hour.

    condition   x . x . x . . . x . ..... .
    state       F R F R F F F F F F ..... R      the third time it fires as flapping
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

__all__ = ["COUNTED_MS", "FLAPS_AFTER", "QUIET_MS", "Phase", "State", "Timing", "held_until_ms", "observe", "step"]

Phase = Literal["inactive", "pending", "firing"]

#: An alert that fires or is resolved more often than this within an hour flaps.
FLAPS_AFTER = 4
#: So long the condition of an alert that flaps must not have held before it is resolved.
QUIET_MS = 900_000
#: So far back changes count.
COUNTED_MS = 3_600_000


@dataclass(frozen=True, slots=True)
class Timing:
    """The rule's durations, ms."""

    for_ms: int = 0
    keep_firing_for_ms: int = 0
    cooldown_ms: int = 0


@dataclass(frozen=True, slots=True)
class State:
    """Where an alert stands."""

    phase: Phase = "inactive"
    at_ms: int = -1
    """The window end of the last transition."""
    starts_at_ms: int = 0
    seq: int = 0
    fired_at_ms: int | None = None
    last_fired_at_ms: int | None = None
    last_true_ms: int = 0
    """The last window end at which the condition held."""
    rank: int = 0
    """As how severe the episode is told; of one that is pending the least rank that held."""
    worse_ms: int | None = None
    """Since when a firing alert has held to a higher rank than it is told as; None: it does not."""
    worse_rank: int = 0
    changes_ms: tuple[int, ...] = ()
    """When the alert fired or was resolved, within the hour before the last such change."""
    flapping: bool = False
    offset: int = -1
    """Offset of the record that caused the last transition. Windows that end by `at_ms` were judged with it."""


def step(state: State, timing: Timing, rank: int, at_ms: int) -> State:
    """The state after the window that ends at `at_ms` was judged. The state's own `at_ms` changes only with a
    transition.

    Args:
        rank: to which rank the condition holds; 0 (or False): it does not.
    """
    match state.phase:
        case "inactive":
            return _start(state, timing, rank, at_ms) if rank else state
        case "pending":
            return _pending(state, timing, rank, at_ms)
        case "firing":
            return _firing(state, timing, rank, at_ms)


def observe(state: State, rank: int, at_ms: int, *, offset: int = -1) -> State:
    """Take note of a window that was judged already, when the log is read again after a restart. It never causes a
    transition.

    Args:
        offset: of the record by which it was judged.
    """
    if (offset, at_ms) > (state.offset, state.at_ms) and state.phase != "inactive":
        state = _note_rank(state, rank, at_ms)
    return replace(state, last_true_ms=max(at_ms, state.last_true_ms)) if rank else state


def held_until_ms(state: State, timing: Timing) -> int | None:
    """When the cooldown is over that holds back an episode which has not fired. None if it has, or if `for` takes as
    long as the cooldown."""
    if state.fired_at_ms is not None or state.last_fired_at_ms is None:
        return None
    cooled_ms = state.last_fired_at_ms + timing.cooldown_ms
    return cooled_ms if cooled_ms > state.starts_at_ms + timing.for_ms else None


def _start(state: State, timing: Timing, rank: int, at_ms: int) -> State:
    # A late row may revive an episode that another late row has ended. It is the same episode, so `seq` goes on.
    seq = state.seq + 1 if at_ms == state.starts_at_ms else 0
    begun = replace(state, phase="pending", at_ms=at_ms, starts_at_ms=at_ms, seq=seq, fired_at_ms=None)
    begun = replace(begun, last_true_ms=at_ms, rank=int(rank), worse_ms=None)
    return _fire(begun, at_ms, seq) if _may_fire(begun, timing, at_ms) else begun


def _pending(state: State, timing: Timing, rank: int, at_ms: int) -> State:
    if not rank:
        return replace(state, phase="inactive", at_ms=at_ms, seq=state.seq + 1)
    state = replace(_note_rank(state, rank, at_ms), last_true_ms=at_ms)
    return _fire(state, at_ms, state.seq + 1) if _may_fire(state, timing, at_ms) else state


def _firing(state: State, timing: Timing, rank: int, at_ms: int) -> State:
    state = _note_rank(state, rank, at_ms)
    if rank:
        state = replace(state, last_true_ms=at_ms)
        if state.worse_ms is not None and at_ms - state.worse_ms >= timing.for_ms:
            return replace(state, at_ms=at_ms, seq=state.seq + 1, rank=state.worse_rank, worse_ms=None)
        return state
    quiet_ms = QUIET_MS if state.flapping else timing.keep_firing_for_ms
    if quiet_ms and at_ms - state.last_true_ms <= quiet_ms:
        return state
    ended = replace(state, phase="inactive", at_ms=at_ms, seq=state.seq + 1)
    if state.flapping:
        return replace(ended, flapping=False, changes_ms=())  # it was quiet: what comes is counted anew
    ended = _changed(ended, at_ms)
    return replace(ended, phase="firing") if ended.flapping else ended


def _changed(state: State, at_ms: int) -> State:
    """Take note that the alert fires or is resolved."""
    changes_ms = (*(each for each in state.changes_ms if at_ms - each < COUNTED_MS), at_ms)[-FLAPS_AFTER - 1 :]
    return replace(state, changes_ms=changes_ms, flapping=state.flapping or len(changes_ms) > FLAPS_AFTER)


def _note_rank(state: State, rank: int, at_ms: int) -> State:
    """A pending alert has the least rank that held; a firing one takes note since when a higher one holds."""
    if state.phase == "pending":
        return replace(state, rank=min(state.rank, int(rank))) if rank else state
    if rank <= state.rank:
        return replace(state, worse_ms=None) if state.worse_ms is not None else state
    if state.worse_ms is None:
        return replace(state, worse_ms=at_ms, worse_rank=int(rank))
    return replace(state, worse_rank=min(state.worse_rank, int(rank)))


def _may_fire(state: State, timing: Timing, at_ms: int) -> bool:
    cooled = state.last_fired_at_ms is None or at_ms - state.last_fired_at_ms >= timing.cooldown_ms
    return cooled and at_ms - state.starts_at_ms >= timing.for_ms


def _fire(state: State, at_ms: int, seq: int) -> State:
    fired = replace(state, phase="firing", at_ms=at_ms, seq=seq, fired_at_ms=at_ms, last_fired_at_ms=at_ms)
    return _changed(fired, at_ms)
