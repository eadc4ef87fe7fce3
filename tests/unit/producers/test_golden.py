"""Messages written once and kept: whatever changes, these stay readable, and mean the same to both definitions."""

import json
from pathlib import Path

import msgspec
import pytest
from pydantic import BaseModel

from callgauge import schema
from callgauge.codec import decoder_of, encode, read
from callgauge.wire.message import Message

GOLDEN = Path(__file__).parents[2] / "golden"

#: File name up to its first "_" that no type has -> wire type.
TYPES: dict[str, type[BaseModel]] = {
    "call": schema.Call,
    "content": schema.Content,
    "score": schema.Score,
    "state_change": schema.StateChange,
    "baseline": schema.Baseline,
    "mark": schema.Mark,
    "rule_set": schema.RuleSet,
    "window_row": schema.WindowRow,
    "score_row": schema.ScoreRow,
    "block_summary": schema.BlockSummary,
    "epoch_start": schema.EpochStart,
    "progress": schema.Progress,
    "alert": schema.Alert,
    "alert_action": schema.AlertAction,
    "dead_letter": schema.DeadLetter,
    "notified": schema.Notified,
    "heartbeat": schema.Heartbeat,
}

FILES = sorted(GOLDEN.glob("*.json"))


def type_of(path: Path) -> type[BaseModel]:
    return next(TYPES[name] for name in sorted(TYPES, key=len, reverse=True) if path.stem.startswith(name))


def holds(found: object, wanted: object) -> bool:
    """Whether all of `wanted` is in `found`, also in messages inside; newer fields may be there besides."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        return all(name in found and holds(found[name], value) for name, value in wanted.items())
    return found == wanted


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_both_definitions_read_the_same(path: Path) -> None:
    """The pydantic model and the msgspec struct make the same of a golden message, defaults included."""
    model, raw = type_of(path), path.read_bytes()
    by_pydantic = model.model_validate_json(raw, strict=True).model_dump()
    by_msgspec = msgspec.to_builtins(decoder_of(model)(raw))
    assert by_msgspec == by_pydantic


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_known_fields_survive_a_round_trip(path: Path) -> None:
    """What is in the file and known is in the message that is written again, unless it is null."""
    model, fields = type_of(path), json.loads(path.read_bytes())
    again = json.loads(encode(read(model, path.read_bytes())))
    known = {name: value for name, value in fields.items() if name in model.model_fields and value is not None}
    assert holds(again, known)


def test_every_wire_type_has_a_golden_message() -> None:
    """A new wire type needs a golden message."""
    assert {type_of(path) for path in FILES} == set(TYPES.values())
    parts = {schema.Histogram, schema.Measure, schema.SourceProgress, schema.FoldedSeries, schema.CountedShare}
    defined = {kind for kind in Message.__subclasses__() if kind.__module__.startswith("callgauge.")}
    assert defined - parts == set(TYPES.values())
    assert all(getattr(schema, kind.__name__) is kind for kind in defined)


def test_progress_of_before_folding_was_told_is_readable() -> None:
    """A worker of the version before does not say what it folds: nothing, for all that is known."""
    fields = json.loads((GOLDEN / "progress.json").read_bytes())
    for source in fields["sources"]:
        del source["folding"]
    assert [source.folding for source in read(schema.Progress, json.dumps(fields).encode()).sources] == [[], []]
    assert [source.folding for source in decoder_of(schema.Progress)(json.dumps(fields).encode()).sources] == [[], []]
