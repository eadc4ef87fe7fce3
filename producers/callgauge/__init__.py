"""callgauge: a service tells of its LLM calls. See `Gauge`.

Light to import: no NumPy, no Faust, no ClickHouse, and librdkafka only when a `Gauge` is made.
"""

from callgauge.errors import (
    BrokerError,
    CallgaugeError,
    DecodeError,
    RuleError,
    SettingError,
    StoreError,
    TraceError,
)
from callgauge.gauge import Gauge, GaugeStats
from callgauge.schema import Call, Score, StateChange
from callgauge.settings import Settings, load_settings

__all__ = [
    "BrokerError",
    "Call",
    "CallgaugeError",
    "DecodeError",
    "Gauge",
    "GaugeStats",
    "RuleError",
    "Score",
    "SettingError",
    "Settings",
    "StateChange",
    "StoreError",
    "TraceError",
    "load_settings",
]
