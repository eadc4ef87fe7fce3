"""callgauge: a service tells of its LLM calls. See `Gauge`.

Light to import: no NumPy, no Faust, no ClickHouse; pydantic and librdkafka only when a name that needs them is used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from callgauge.clients.instrument import instrument
    from callgauge.errors import (
        BrokerError,
        CallgaugeError,
        DecodeError,
        RuleError,
        SettingError,
        StoreError,
        TraceError,
    )
    from callgauge.gauge import Gauge
    from callgauge.gauge_stats import GaugeStats
    from callgauge.settings import Settings, load_settings
    from callgauge.wire.calls import Call
    from callgauge.wire.judgements import Score, StateChange
else:
    #: Public name -> the module that it is taken from when it is first used, always on the thread that uses it.
    _HOMES = {
        "Gauge": "gauge",
        "GaugeStats": "gauge_stats",
        "Call": "wire.calls",
        **dict.fromkeys(("Score", "StateChange"), "wire.judgements"),
        **dict.fromkeys(("Settings", "load_settings"), "settings"),
        "instrument": "clients.instrument",
    }

    def __getattr__(name: str) -> object:
        import importlib

        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        home = importlib.import_module(f"{__name__}.{_HOMES.get(name, 'errors')}")
        found = globals()[name] = getattr(home, name)
        return found

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})


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
    "instrument",
    "load_settings",
]
