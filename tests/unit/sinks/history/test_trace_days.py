"""On which days a trace is looked for, and that it is found whatever is known of them."""

from __future__ import annotations

import pytest

from callgauge_history.questions.trace import trace
from callgauge_history.store import Store
from tests.unit.sinks.made_calls import T0, store_calls

DAY_S = 86_400.0


@pytest.fixture
def stored(store: Store) -> Store:
    """A trace that passes midnight, and others; some calls came twice."""
    calls = [
        {"end": T0 + DAY_S + 10 * (at - 2), "trace_id": "t", "event_id": f"e{at}", "model": f"m{at % 2}"}
        for at in range(4)
    ]
    calls += [{"end": T0 + at * DAY_S, "trace_id": f"other {at}"} for at in range(5)]
    store_calls(store, calls)
    store_calls(store, calls[:2])
    return store


def test_its_days_are_kept(stored: Store) -> None:
    """Those of the ends of its calls; a call that comes again adds none."""
    days = "SELECT toString(day) FROM trace_days FINAL WHERE trace = sipHash64('t') ORDER BY day"
    assert stored.query(days).rows == [["2026-11-02"], ["2026-11-03"]]


@pytest.mark.parametrize("is_known", [True, False], ids=["by its days", "of before there were days"])
def test_all_of_it_is_found(stored: Store, is_known: bool) -> None:
    """Each call once."""
    if not is_known:
        stored.command("TRUNCATE TABLE trace_days")
    found = trace(stored.query, "t")
    assert found is not None
    assert [node.call.event_id for node in found.roots] == ["e0", "e1", "e2", "e3"]
    assert trace(stored.query, "nobody's") is None
