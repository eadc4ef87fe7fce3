"""Payloads that real clients sent, and the events that each becomes: tests/golden/gateway, a pair a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from callgauge.mending import mended_call, mended_score
from callgauge.schema import Call, Score
from callgauge.structs import struct_of
from callgauge_gateway.dialects.event import Event
from callgauge_gateway.dialects.litellm import call_of_payload
from callgauge_gateway.dialects.nesting import Nesting
from callgauge_gateway.dialects.traces import events_of_spans
from callgauge_gateway.otlp import json_export

FILES = sorted((Path(__file__).parents[4] / "golden" / "gateway").glob("*.json"))
#: What people asked and models answered in these payloads.
CONTENT = ("Switzerland", "Bern", "secret prompt", "sunny")


def events_of(path: Path) -> list[Event]:
    payload = json.loads(path.read_bytes())["payload"]
    if path.stem.startswith("litellm"):
        return [call_of_payload(payload, "litellm")]
    return events_of_spans(json_export.spans_of(json.dumps(payload).encode(), 1_000).items, Nesting()).events


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_payload_becomes_its_events(path: Path) -> None:
    """Field by field."""
    expected: list[dict[str, Any]] = json.loads(path.read_bytes())["events"]
    assert [{"kind": event.kind, **event.fields} for event in events_of(path)] == expected


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_its_events_need_no_mending(path: Path) -> None:
    """A call is valid as it is, so it is not marked as mended, and costs no second look."""
    for event in events_of(path):
        if event.kind == "call":
            msgspec.convert(event.fields, struct_of(Call))
            assert mended_call(event.fields) == event.fields | {"status": event.fields.get("status", "success")}
        else:
            Score(**mended_score(Score, event.fields))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_no_call_holds_content(path: Path) -> None:
    """Neither the question nor the answer is in any field, though the payload has both."""
    text = json.dumps([event.fields for event in events_of(path) if event.kind == "call"])
    assert not [word for word in CONTENT if word in text]


def test_every_dialect_has_pairs() -> None:
    """Of a success, a stream and two failures."""
    names = {path.stem for path in FILES}
    for dialect in ("gen_ai", "gen_ai_1_36", "openinference", "openllmetry", "openllmetry_old", "litellm"):
        assert {f"{dialect}_{kind}" for kind in ("chat", "stream", "rate_limit", "too_long")} <= names
