"""What detectors have learned is saved when it has changed, and put back where it fits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from callgauge_rules.bound import BoundRule
from callgauge_streams.detect.engine import Engine
from callgauge_streams.detect.learned_states import SAVED_EVERY_MS, LearnedState, decode_state
from tests.unit.streams.detect.test_learning import START, TIMEOUT_MS, passed, row, rules_of
from tests.unit.streams.detect.windows_log import WINDOW_MS

ZSCORE = "aggregate: latency_mean_ms, lookback: 10s, detector: zscore, parameters: {size: 60, min_history: 5}"


def engine_of(rules: list[BoundRule], learned: list[LearnedState] | None = None, **more: Any) -> Engine:
    return Engine(
        rules, source_timeout_ms=TIMEOUT_MS, live_from=0, judges_late=False, log="c/t/0", learned=learned or [], **more
    )


def feed(engine: Engine, windows: range, model: str = "b") -> dict[str, bytes | None]:
    """Windows of one series, a little apart; returns what is saved."""
    saved: dict[str, bytes | None] = {}
    for at in windows:
        clock_ms = (START + at + 1) * WINDOW_MS
        engine.take(2 * at, clock_ms, row(at, 500 + at % 7, model=model))
        engine.take(2 * at + 1, clock_ms, passed(at))
        saved.update(engine.take_states())
    return saved


def test_a_series_is_saved_at_first_and_then_now_and_then(tmp_path: Path) -> None:
    """With what it has learned by then."""
    engine = engine_of(rules_of(tmp_path, ZSCORE))
    (first,) = feed(engine, range(1)).values()
    assert first is not None
    assert len(decode_state(first).conditions[0]["detector"]["values"]) == 1
    every = SAVED_EVERY_MS // WINDOW_MS
    assert feed(engine, range(1, every)) == {}
    (later,) = feed(engine, range(every, every + 1)).values()
    assert later is not None
    assert len(decode_state(later).conditions[0]["detector"]["values"]) == every + 1


def test_a_series_that_falls_quiet_is_saved_and_deleted_when_nobody_remembers_it(tmp_path: Path) -> None:
    engine = engine_of(rules_of(tmp_path, ZSCORE))
    feed(engine, range(20))
    saved = feed(engine, range(20, 30), model="c")
    kept = [decode_state(value) for value in saved.values() if value]
    assert sorted(len(state.conditions[0]["detector"]["values"]) for state in kept) == [1, 20]
    saved = feed(engine, range(30, 100), model="c")
    assert None in saved.values()


def test_only_what_fits_is_put_back(tmp_path: Path) -> None:
    """Not of another log, of a rule that judges otherwise by now, or of one that was removed: that is deleted."""
    rules = rules_of(tmp_path, ZSCORE)
    (value,) = feed(engine_of(rules), range(1)).values()
    assert value is not None
    state = decode_state(value)
    other_log = LearnedState(**{name: getattr(state, name) for name in state.__struct_fields__} | {"log": "c/u/0"})
    changed = rules_of(tmp_path, ZSCORE.replace("size: 60", "size: 50"))
    removed = rules_of(
        tmp_path, "aggregate: calls, lookback: 10s, detector: ewma", "aggregate: calls, lookback: 10s, value: 5"
    )
    for of, learned in ((rules, other_log), (changed, state), (removed[1:], state)):
        engine = engine_of(of, [learned])
        engine.take(0, START * WINDOW_MS, passed(0))
        assert engine.take_states() == [(state.fingerprint, None)]
    engine = engine_of(rules, [state])
    (value,) = feed(engine, range(1, 2)).values()
    assert value is not None
    assert len(decode_state(value).conditions[0]["detector"]["values"]) == 2


def test_series_that_a_rule_does_not_judge_cost_nothing(tmp_path: Path) -> None:
    """Of those that `where` leaves out no detector is made."""
    engine = engine_of(
        rules_of(tmp_path, f"{ZSCORE}, where: {{model: z}}", "aggregate: calls, lookback: 10s, value: 99")
    )
    assert feed(engine, range(5)) == {}
