"""The rules topic, read by whoever is about to judge."""

from __future__ import annotations

import asyncio
import threading

import pytest

from callgauge.settings import load_settings
from callgauge_streams.detect.rules_in_force import RulesInForce
from callgauge_streams.detect.rules_topic import RulesTopic


def test_partitions_that_start_together_read_the_topic_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several are assigned at once and ask at once: two reads at a time would close each other's connection."""
    reading, reads, overlapping = threading.Lock(), [], []
    begun = threading.Event()

    def read(_: RulesTopic) -> list[object]:
        if not reading.acquire(blocking=False):
            overlapping.append(1)
            return []
        reads.append(1)
        begun.wait(0.2)  # long enough for the others to come in, if they may
        reading.release()
        return []

    monkeypatch.setattr(RulesTopic, "read", read)

    async def start() -> None:
        rules = RulesInForce(load_settings())
        await asyncio.gather(*(rules.fresh() for _ in range(4)))

    asyncio.run(start())
    assert (len(reads), overlapping) == (1, [])
