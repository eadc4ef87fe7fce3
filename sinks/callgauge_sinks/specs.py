"""The four sinks: which topic goes through which decoder and row builder."""

from __future__ import annotations

from callgauge.codec import decode_call, decode_window_record, decoder_of
from callgauge.errors import SettingError
from callgauge.schema import Alert, DeadLetter
from callgauge.settings import Settings
from callgauge_sinks.rows import alert_rows, call_rows, dead_letter_rows, window_record_rows
from callgauge_sinks.sink import SinkSpec

__all__ = ["NAMES", "spec_of"]

NAMES = ("calls", "windows", "alerts", "dead")


def spec_of(name: str, settings: Settings) -> SinkSpec:
    """The sink called `name`, set up by the settings.

    Raises:
        SettingError: there is no such sink.
    """
    topics = settings.topics
    sources = {
        "calls": (topics.calls, decode_call, call_rows),
        "windows": (topics.windows, decode_window_record, window_record_rows),
        "alerts": (topics.alerts, decoder_of(Alert), alert_rows),
        "dead": (topics.dead, decoder_of(DeadLetter), dead_letter_rows),
    }
    if name not in sources:
        raise SettingError(f"there is no sink {name!r}; there are {', '.join(NAMES)}")
    topic, decode, rows = sources[name]
    return SinkSpec(
        name=name,
        topic=topic.name,
        decode=decode,
        rows=rows,
        batch_rows=settings.sink_batch_rows,
        batch_s=settings.sink_batch_s,
        dead_letter_share=settings.dead_letter_share if name == "calls" else 1.0,
    )
