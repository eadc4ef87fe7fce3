"""Grouping sets are named canonically, refused with a reason, and series keep their ids for ever."""

from __future__ import annotations

import pytest

from callgauge.errors import SettingError
from callgauge_windows.grouping import GroupingSet, parse_groupings, partition_of, series_id


def test_labels_are_put_in_canonical_order() -> None:
    assert [g.name for g in parse_groupings("model,service@60s @10s")] == ["service,model@60s", "@10s"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "no grouping set"),
        ("modle@10s", "'modle' in 'modle@10s' is no label; labels: service"),
        ("model@10", "must end in @<whole seconds>s"),
        ("model", "must end in"),
        ("model@0s", "must end in"),
        ("model@10s model@10s", "named twice"),
    ],
)
def test_a_bad_setting_is_refused_with_a_reason(text: str, said: str) -> None:
    with pytest.raises(SettingError, match="CALLGAUGE_GROUPINGS") as error:
        parse_groupings(text)
    assert said in str(error.value)


def test_series_ids_never_change() -> None:
    """They are stored: a changed hash would split every series' history."""
    assert series_id(GroupingSet(("model",), 10_000), ("gpt-4",)) == 6_141_306_876_691_813_737
    assert series_id(GroupingSet(("service", "model"), 10_000), ("ab", "c")) != series_id(
        GroupingSet(("service", "model"), 10_000), ("a", "bc")
    )


def test_a_series_has_one_partition() -> None:
    assert partition_of(2**64 - 1, 4) == 3
