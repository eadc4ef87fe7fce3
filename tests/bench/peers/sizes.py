"""How many series are measured: the calls of the topic, and which labels tell their series apart."""

from __future__ import annotations

from dataclasses import dataclass

from tests.bench.stream import Message, messages_of, repeated
from tests.bench.wide_stream import wide_templates

__all__ = ["SIZES", "Size"]

BYTES = 547


@dataclass(frozen=True)
class Size:
    """A topic to read."""

    series: int
    labels: str
    """With commas between them; `series` distinct values occur."""

    @property
    def key(self) -> str:
        """Its name in peers.json."""
        return f"series_{self.series}"

    def messages(self, count: int, calls_per_s: float) -> list[Message]:
        """`count` calls, of which `calls_per_s` end per second of event time."""
        if self.series == SIZES[0].series:
            return messages_of(count, calls_per_s)
        stretch, span_s = wide_templates(self.series, BYTES, calls_per_s)
        return list(repeated(stretch, span_s, count))


SIZES = (Size(80, "service,model"), Size(10_000, "service,feature,provider,model"))
