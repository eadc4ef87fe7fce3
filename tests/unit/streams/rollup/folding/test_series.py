"""The cap on series: deterministic, bounded, and one service's labels never cost another's."""

from __future__ import annotations

import random

from callgauge_streams.rollup.folding.series import SeriesTable
from callgauge_windows.grouping import OTHER, parse_groupings


def table(labels: str, cap: int) -> SeriesTable:
    return SeriesTable(parse_groupings(f"{labels}@10s")[0], cap)


def named(series: SeriesTable, service: str, *values: str) -> tuple[tuple[str, ...], bool]:
    code, folded = series.code_of(service, values)
    return series.values[code], folded


def test_only_the_label_that_overflows_is_folded() -> None:
    """feature holds ids: it becomes __other__, the model stays; what came before the cap stays as it was."""
    series = table("service,feature,model", cap=6)
    for number in range(6):
        assert named(series, "a", "a", f"id-{number}", f"m{number % 2}") == (
            ("a", f"id-{number}", f"m{number % 2}"),
            False,
        )
    assert named(series, "a", "a", "id-6", "m0") == (("a", OTHER, "m0"), True)
    assert named(series, "a", "a", "id-7", "m1") == (("a", OTHER, "m1"), True)
    assert named(series, "a", "a", "id-3", "m1") == (("a", "id-3", "m1"), False)


def test_another_service_keeps_its_series() -> None:
    series = table("feature", cap=2)
    for number in range(100):
        named(series, "bad", f"id-{number}")
    assert named(series, "good", "search") == (("search",), False)
    assert named(series, "good", "chat") == (("chat",), False)
    assert named(series, "good", "third") == ((OTHER,), True)


def test_two_labels_that_overflow_are_folded_one_after_the_other() -> None:
    series = table("feature,endpoint", cap=3)
    rng = random.Random(1)
    seen = {named(series, "a", f"f{rng.random()}", f"e{rng.random()}")[0] for _ in range(500)}
    assert (OTHER, OTHER) in seen
    assert len(seen) <= 2 * 3 + 1


def test_services_after_the_cap_share_one() -> None:
    """A service label that holds an id must not make a series per value either."""
    series = table("service,model", cap=3)
    for number in range(3):
        assert named(series, f"pod-{number}", f"pod-{number}", "m") == ((f"pod-{number}", "m"), False)
    assert named(series, "pod-3", "pod-3", "m") == ((OTHER, "m"), True)
    assert named(series, "pod-4", "pod-4", "n") == ((OTHER, "n"), True)
    assert named(series, "pod-1", "pod-1", "n") == (("pod-1", "n"), False)


def test_a_set_without_labels_never_folds() -> None:
    series = table("", cap=1)
    assert [named(series, service) for service in ("a", "b", "c")] == [((), False)] * 3
    assert len(series.values) == 1
    assert series.overflows == {}


def test_it_says_which_label_of_which_service_is_folded() -> None:
    """And how many combinations of label values by now; what is not folded is not named."""
    series = table("service,feature,model", cap=2)
    for number in range(5):
        named(series, "bulk", "bulk", f"id-{number}", "m")
    named(series, "chat", "chat", "search", "m")
    assert series.overflows == {("bulk", "feature"): 3}
    for service in ("third", "fourth"):
        named(series, service, service, "search", "m")
    assert series.overflows == {("bulk", "feature"): 3, ("__other__", "service"): 2}


def test_of_two_labels_that_are_folded_both_are_named() -> None:
    series = table("feature,endpoint", cap=1)
    for number in range(3):
        named(series, "a", f"f{number}", f"e{number}")
    assert series.overflows == {("a", "feature"): 2, ("a", "endpoint"): 1}
