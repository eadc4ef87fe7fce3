"""What is exported again is counted once: rollup takes it for duplicates, of the same content."""

from __future__ import annotations

import json
import random
from pathlib import Path

from tests.gateway.served import Served
from tests.unit.streams.rollup.source.test_state_machine import Log, play

GOLDEN = Path(__file__).parents[3] / "golden" / "gateway"


def test_a_retried_export_is_counted_once() -> None:
    """Of OTLP, LiteLLM and calls without an id."""
    served = Served()
    exports = [("/v1/traces", json.loads(path.read_bytes())["payload"]) for path in GOLDEN.glob("open*.json")]
    payloads = [json.loads(path.read_bytes())["payload"] for path in GOLDEN.glob("litellm*.json")]
    unique = {payload["id"] + payload["status"]: payload for payload in payloads}  # the stub gives each the same id
    requests = [*exports, ("/v1/litellm", list(unique.values())), ("/v1/calls", {"service": "s", "ts": 1.7e9})]
    for _ in range(2):
        for path, body in requests:
            assert served.post(path, body, headers={"content-type": "application/json"}).status_code == 200
    values = served.values("llm.calls")
    log = Log(list(range(len(values))), [1_795_865_300_000] * len(values), values)
    _, summaries = play(log, random.Random(1), 0.0, 0.0)
    [last] = {summary.block: summary for summary in summaries}.values()
    assert (last.records, last.counted, last.duplicates) == (len(values), len(values) // 2, len(values) // 2)
    assert (last.differing, last.dead) == (0, 0)
