"""A short stretch through rollup's core and detect's engine: what is plain is seen, and no part is done twice."""

from __future__ import annotations

from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import pytest

from tests.bench.detection import runs as module
from tests.bench.detection.judged import BASELINES, FIXED, RULE_SETS, THREE_SIGMA
from tests.bench.detection.plan import Size
from tests.bench.detection.runs import Runs, groups_of
from tests.bench.detection.score import found_in
from tests.bench.incidents import result_of, run, table

RULES = {"default": None, FIXED: RULE_SETS[FIXED], THREE_SIGMA: None}
SIZE = Size(services=4, per_s=0.5, days=0.3)


class Here(Executor):
    """Does all at once, in this process, and notes it."""

    def __init__(self) -> None:
        self.done: list[tuple[Any, ...]] = []

    def submit(self, do: Any, /, *args: Any, **more: Any) -> Future[Any]:
        self.done.append((do.__name__, *args))
        result: Future[Any] = Future()
        result.set_result(do(*args, **more))
        return result


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """Seed 5 alone, and seeds 5 and 6 side by side in another folder."""
    made = Runs(tmp_path_factory.mktemp("runs"), SIZE)
    run(made, RULES, [[5]], Here(), 1)
    return made


def test_seeds_are_in_groups_of_like_size() -> None:
    """In order, each once, none larger than asked for."""
    assert groups_of(range(10), 4) == [(0, 1, 2), (3, 4, 5), (6, 7, 8, 9)]
    assert groups_of([1], 7) == [(1,)]


def test_what_is_plain_is_seen(runs: Runs) -> None:
    """A provider that is down is seen by all rule sets; the table says what there is."""
    played = runs.played([5, 6], RULES)
    [alone] = played
    for name in RULES:
        seen = {found.kind: found.delay_s for found in found_in(alone.truth, alone.firings[name])}
        assert seen["provider_down"] is not None, name
        assert alone.series[name] > 0
    result = result_of(played, SIZE.days)
    assert (set(result["rule_sets"]), set(result["baselines"])) == ({"default"}, set(BASELINES))
    rows = {row["kind"]: row for row in table(result)}
    assert rows["provider_down"]["incidents"] == 1
    assert rows["provider_down"]["default"].startswith("100%")


def test_a_seed_tells_the_same_alone_and_beside_another(runs: Runs, tmp_path: Path) -> None:
    """Whatever is played with it."""
    beside = Runs(tmp_path, SIZE)
    run(beside, RULES, [[5, 6]], Here(), 2)
    [alone], [one, other] = runs.played([5], RULES), beside.played([5, 6], RULES)
    assert other.firings["default"]
    for name in RULES:
        assert sorted(alone.firings[name], key=repr) == sorted(one.firings[name], key=repr)
        assert alone.series[name] == one.series[name]


def test_a_run_goes_on_where_it_was_ended(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is there is not done again: nothing at all the second time, and only what follows from other rules."""
    again = Here()
    run(runs, RULES, [[5]], again, 1)
    assert again.done == []
    monkeypatch.setattr(module, "code_of_judging", lambda name, rules: f"other {name}")
    assert [runs.must_judge(name, rules, (5,)) for name, rules in RULES.items()] == [True] * 3
    assert not runs.must_make((5,))
    assert runs.played([5], RULES) == []
    monkeypatch.setattr(module, "code_of_making", lambda: "other")
    assert runs.must_make((5,))
