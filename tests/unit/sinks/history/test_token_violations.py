"""Token counts that contradict each other are sent, counted and shown, and never cost a call."""

from __future__ import annotations

from typing import Any

import numpy as np

from callgauge import Gauge, load_settings
from callgauge.codec import decode_call
from callgauge.testing import MemoryTransport
from callgauge_history.store import Store
from callgauge_sinks.records import Record
from callgauge_sinks.rows import call_rows
from callgauge_streams.bus.records import Records
from callgauge_streams.rollup.reading.call_reader import CallReader
from callgauge_streams.rollup.reading.columns import columns_of
from tests.unit.sinks.fakes import FakeMessage

GOOD: list[dict[str, Any]] = [
    {"input_tokens": 10, "cache_read_tokens": 6, "cache_write_tokens": 4},
    {"output_tokens": 5, "reasoning_tokens": 5},
    {},
]
BAD: list[dict[str, Any]] = [
    {"input_tokens": 10, "cache_read_tokens": 6, "cache_write_tokens": 5},
    {"output_tokens": 5, "reasoning_tokens": 6},
    {"cache_read_tokens": 1},
]


def test_a_violation_is_emitted_counted_and_shown(store: Store) -> None:
    """As the host gave it, from `Gauge` through what rollup counts to the view; by service, provider and model."""
    transport = MemoryTransport()
    with Gauge(load_settings(service="s"), transport=transport) as gauge:
        for number, fields in enumerate((*GOOD, *BAD)):
            gauge.emit(event_id=f"e{number}", provider="p", model="m", **fields)
    values = [message.value for message in transport.messages]
    sent = [call.model_dump(include=set(given)) for call, given in zip(transport.calls, (*GOOD, *BAD), strict=True)]
    assert sent == [*GOOD, *BAD]
    calls, dead = CallReader(("service",)).read(Records.of(range(6), [0] * 6, values))
    assert not dead
    assert columns_of(calls.numbers, np.zeros(6, dtype=np.bool_)).token_violations == len(BAD)
    records = [Record(decode_call(value), FakeMessage(b"", "llm.calls", 0, at)) for at, value in enumerate(values)]
    store.insert("calls", call_rows(records)["calls"])
    shown = store.query(
        "SELECT service, provider, model, calls, example_id IN ('e3', 'e4', 'e5') FROM token_violations"
    )
    assert shown.rows == [["s", "p", "m", len(BAD), 1]]
