"""The message of one call's content: redacted, then cut, on the delivery thread."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from callgauge.content.snapshot import Snapshot
from callgauge.counted import LABELS
from callgauge.encoding import MAX_BYTES, encode
from callgauge.field_reading import id_reader, text_reader, time_of
from callgauge.redaction.cutting import cut_redacted
from callgauge.redaction.redactor import Redactor
from callgauge.schema import Content
from callgauge.texts import repaired
from callgauge.transport import Outbound

__all__ = ["content_message"]

_OTHER = ("event_id", "trace_id", "ts")
_label_of, _id_of = text_reader(256), id_reader(64)


def content_message(
    fields: Mapping[str, Any],
    prompt: Snapshot,
    response: Snapshot,
    *,
    sample_rate: float,
    most: int,
    redactor: Redactor | None,
    redact: Callable[[Mapping[str, Any]], dict[str, Any]],
) -> Outbound:
    """The message, at most `MAX_BYTES` long.

    Args:
        fields: those of the call; event_id, service and ts among them.
        most: characters of prompt and response, each.
        redactor: None: texts are sent as they are.
        redact: the same for fields.
    """
    known = redact({name: fields[name] for name in (*LABELS, *_OTHER) if fields.get(name) is not None})
    texts = {name: text for name, value in known.items() if name != "ts" and (text := _label_of(value)[0])}
    while True:
        kinds: Counter[str] = Counter()
        found: dict[str, Any] = {}
        for name, given in (("prompt", prompt), ("response", response)):
            text, counts, cut = _sent(redactor, given, most)
            found |= {name: text, f"{name}_truncated": cut, f"{name}_chars": given.chars}
            kinds.update(counts)
        content = Content(
            event_id=_id_of(known["event_id"])[0],
            trace_id=texts.get("trace_id", ""),
            ts=time_of(known["ts"])[0] or 0.0,
            service=texts["service"],
            labels={name: texts[name] for name in LABELS if name != "service" and name in texts},
            sample_rate=sample_rate,
            redactions=dict(kinds),
            **found,
        )
        value = encode(content)
        if len(value) <= MAX_BYTES or most < 2:
            return Outbound("content", (content.trace_id or content.event_id).encode(), value)
        most //= 2


def _sent(redactor: Redactor | None, given: Snapshot, most: int) -> tuple[str, Mapping[str, int], bool]:
    text = repaired(given.text)
    if redactor is None:
        return text[:most], {}, given.chars > most
    return cut_redacted(redactor, text, most, is_cut=given.is_cut)
