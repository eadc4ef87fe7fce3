"""Single calls: searched page by page, the slowest and dearest, and traces as trees."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callgauge.errors import QuestionError
from callgauge_history.questions.calls import StoredCall, dearest, find_calls, slowest
from callgauge_history.questions.critical_path import Span, critical_path
from callgauge_history.questions.trace import trace, tree_of
from callgauge_history.store import Store
from tests.unit.sinks.history.questions import oracle
from tests.unit.sinks.history.questions.conftest import Filled


@pytest.mark.parametrize(
    "where",
    [{}, {"user_id": "user-4"}, {"status": ["error", "cancelled"], "service": "llmperf"}, {"cache_level": "exact"}],
    ids=str,
)
@pytest.mark.parametrize("limit", [7, 1_000])
def test_pages_hold_every_call_once(history: Filled, where: dict[str, str | list[str]], limit: int) -> None:
    """The newest first, also where several ended in one millisecond."""
    found: list[StoredCall] = []
    cursor = None
    while True:
        page = find_calls(history.ask, history.period, where, cursor=cursor, limit=limit)
        found += page.calls
        assert len(page.calls) <= limit
        if (cursor := page.cursor) is None:
            break
        if limit == 7 and len(found) > 60:
            break
    expected = sorted(
        (
            (oracle.end_ms(c), c.event_id) for c in history.calls
            if all((getattr(c, k) or "") in ([v] if isinstance(v, str) else v) for k, v in where.items())
        ),
        reverse=True,
    )  # fmt: skip
    assert [(c.end_ms, c.event_id) for c in found] == expected[: len(found)]
    assert cursor is not None or len(found) == len(expected)


def test_a_call_as_it_came(history: Filled) -> None:
    """Every field that is shown is the one that was sent."""
    sent = {c.event_id: c for c in history.calls}
    for found in find_calls(history.ask, history.period, {"service": "llmperf"}, limit=50).calls:
        call = sent[found.event_id]
        for name in (
            "model",
            "provider",
            "user_id",
            "latency_ms",
            "output_tokens",
            "status",
            "http_status",
            "cache_hit",
        ):
            assert getattr(found, name) == getattr(call, name)
        assert found.error_type == (call.error_type or "")
        assert found.cost_usd == (oracle.cost_usd([call]) if call.cost_usd is not None else None)


@pytest.mark.parametrize("cursor", ["x", "12", "'; --", ":"])
def test_a_wrong_cursor(history: Filled, cursor: str) -> None:
    """Is told, not guessed at."""
    with pytest.raises(QuestionError, match="no cursor"):
        find_calls(history.ask, history.period, cursor=cursor)


def test_slowest_and_dearest(history: Filled) -> None:
    """Of answered calls of models; equal ones in the order of their ids."""
    by_latency = sorted(
        oracle.answered(history.of_models), key=lambda c: (-round((c.latency_ms or 0) * 1e3), c.event_id)
    )
    assert [c.event_id for c in slowest(history.ask, history.period, limit=20)] == [c.event_id for c in by_latency[:20]]
    priced = [c for c in history.of_models if c.cost_usd is not None and c.model == "gpt-4"]
    by_cost = sorted(priced, key=lambda c: (-round((c.cost_usd or 0) * 1e9), c.event_id))
    found = dearest(history.ask, history.period, {"model": "gpt-4"}, limit=20)
    assert [c.event_id for c in found] == [c.event_id for c in by_cost[:20]]


def test_a_trace(history: Filled) -> None:
    """A tree, the sums of its calls, and the path that the request waited for."""
    found = trace(history.ask, "trace-1")
    assert found is not None
    [root] = found.roots
    assert root.call.name == "request"
    assert [node.call.name for node in root.children] == ["retrieve", "long", "short"]
    assert (float(found.cost_usd), found.input_tokens, found.output_tokens, found.spans) == (0.75, 30, 12, 4)
    assert [piece.key for piece in found.critical_path] == [
        f"trace-{name}" for name in ("request", "retrieve", "long", "request")
    ]
    lengths = [piece.end_ms - piece.start_ms for piece in found.critical_path]
    assert lengths == pytest.approx([100, 200, 600, 100], abs=1)
    assert root.critical_ms == pytest.approx(200, abs=1)
    assert trace(history.ask, "no such trace") is None
    assert trace(history.ask, "") is None


def span(name: str, parent: str, **more: object) -> StoredCall:
    fields: dict[str, Any] = dict.fromkeys(StoredCall.__dataclass_fields__, "") | {
        "event_id": name, "span_id": name, "parent_span_id": parent, "start_ms": 0, "end_ms": 10, "latency_ms": 10.0,
        "cost_usd": None, "input_tokens": None, "output_tokens": None, "tags": {},
    }  # fmt: skip
    return StoredCall(**fields | more)


def test_broken_traces() -> None:
    """Lost parents make roots, circles are cut, a chain may be deeper than Python's stack."""
    assert {n.call.event_id for n in tree_of("t", [span("a", "lost"), span("b", "a")]).roots} == {"a"}
    circle = tree_of("t", [span("a", "b"), span("b", "a"), span("c", "c")])
    assert {n.call.event_id for n in circle.roots} == {"a", "b", "c"}
    deep = tree_of("t", [span(str(i), str(i - 1) if i else "") for i in range(5_000)])
    assert len(deep.roots) == 1


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 100), st.integers(0, 60), st.integers(0, 7)), min_size=1, max_size=8))
def test_the_critical_path_lasts_as_long_as_its_root(drawn: list[tuple[int, int, int]]) -> None:
    """Its pieces follow each other without a gap, and each lies within its own span."""
    spans = {str(i): Span(begin, begin + length) for i, (begin, length, _) in enumerate(drawn)}
    children: dict[str, list[str]] = {}
    for i, (_, _, parent) in enumerate(drawn[1:], 1):
        children.setdefault(str(parent % i), []).append(str(i))
    path = critical_path("0", spans, children)
    assert path[0].start_ms == spans["0"].start_ms
    assert path[-1].end_ms == spans["0"].end_ms
    assert all(a.end_ms == b.start_ms for a, b in pairwise(path))
    assert all(spans[p.key].start_ms <= p.start_ms <= p.end_ms <= spans[p.key].end_ms for p in path)


def test_the_store_is_the_one_that_was_filled(history: Filled) -> None:
    """No question has written anything."""
    assert isinstance(history.store, Store)
    assert history.ask("SELECT count() FROM calls_final").rows == [[len(history.calls)]]
