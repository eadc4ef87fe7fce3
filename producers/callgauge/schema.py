"""The wire types: what crosses a topic, one class per message. They are defined in `callgauge.wire`, a file a kind.

Times are epoch seconds UTC (float), durations milliseconds, money US dollars, in the emitters' messages (`Call`,
`Score`, `StateChange`). Rows and control records (`WindowRow`, `ScoreRow`, `BlockSummary`, `EpochStart`, `Progress`)
hold integers only, their units in the names, so that two computations of a row are equal bit for bit.

Unknown fields are ignored; a missing optional field, and null, has the default written here. What does not fit is
mended where it can be (`callgauge.mending`). Field names follow the
OpenTelemetry GenAI conventions' vocabulary where one exists.
"""

from __future__ import annotations

from callgauge.wire.alerts import Alert, AlertAction, AlertState, Notified, Severity
from callgauge.wire.calls import CacheLevel, Call, ErrorType, Status
from callgauge.wire.content import Content
from callgauge.wire.control import BlockSummary, EpochStart, FoldedSeries, Progress, SourceProgress, WindowRecord
from callgauge.wire.dead import DeadLetter
from callgauge.wire.heartbeats import Heartbeat
from callgauge.wire.judgements import BREAKER_OPEN, BreakerState, Score, StateChange
from callgauge.wire.message import SCHEMA_VERSION
from callgauge.wire.rows import Histogram, Measure, ScoreRow, SignedHistogram, WindowRow
from callgauge.wire.rules import Baseline, CountedShare, Mark, RuleSet

__all__ = [
    "BREAKER_OPEN",
    "SCHEMA_VERSION",
    "Alert",
    "AlertAction",
    "AlertState",
    "Baseline",
    "BlockSummary",
    "BreakerState",
    "CacheLevel",
    "Call",
    "Content",
    "CountedShare",
    "DeadLetter",
    "EpochStart",
    "ErrorType",
    "FoldedSeries",
    "Heartbeat",
    "Histogram",
    "Mark",
    "Measure",
    "Notified",
    "Progress",
    "RuleSet",
    "Score",
    "ScoreRow",
    "Severity",
    "SignedHistogram",
    "SourceProgress",
    "StateChange",
    "Status",
    "WindowRecord",
    "WindowRow",
]
