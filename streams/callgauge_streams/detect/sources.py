"""Which sources there are, and the event time up to which all of them are complete."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

__all__ = ["GONE_AFTER", "Sources"]

# Timeouts after which an unheard source is no longer waited for by count rules.
GONE_AFTER = 10


@dataclass(slots=True)
class _Source:
    watermark_ms: int
    idle: bool
    heard_ms: int


class Sources:
    """Learns from progress records. Its only clock is the largest record timestamp seen.

    Args:
        timeout_ms: a source unheard for this long of log time is left out.
    """

    def __init__(self, timeout_ms: int) -> None:
        self._timeout_ms = timeout_ms
        self._sources: dict[str, _Source] = {}
        self._watermark_ms = 0
        self._idle_since_ms: int | None = None
        self._idle_from_ms = 0
        self.clock_ms = 0

    def hear(self, progress: Iterable[Any]) -> None:
        """Take note of a worker's `SourceProgress` records."""
        for name, source in list(self._sources.items()):
            if self.clock_ms - source.heard_ms > GONE_AFTER * self._timeout_ms:
                del self._sources[name]  # its topic or its workers no longer exist
        for item in progress:
            known = self._sources.get(item.source)
            watermark_ms = max(item.watermark_ms, known.watermark_ms) if known else item.watermark_ms
            self._sources[item.source] = _Source(watermark_ms, item.idle, self.clock_ms)

    def begin_again(self, name: str) -> None:
        """A source is counted again from a block before on: its watermark begins anew, and holds that of all where it
        is."""
        if known := self._sources.get(name):
            known.watermark_ms, known.idle = 0, False

    def has_caught_up(self, name: str) -> bool:
        """Whether a source is as far as all were together; one that is not heard of is not waited for."""
        known = self._sources.get(name)
        if known is None or known.idle or not self._heard(known):
            return True
        return known.watermark_ms >= self._watermark_ms

    @property
    def complete(self) -> bool:
        """Whether every known source has been heard of lately."""
        return all(self._heard(source) for source in self._sources.values())

    @property
    def heard(self) -> float:
        """Share of the known sources that were heard of lately."""
        return sum(map(self._heard, self._sources.values())) / len(self._sources) if self._sources else 1.0

    def watermark_ms(self) -> int:
        """The least watermark of the sources that are heard and not idle; never goes back.

        When all are idle nothing is on its way, so the last windows are complete and firing alerts must end some time:
        event time then goes on at the pace of the log's clock, from where the furthest source left it.
        """
        heard = [source for source in self._sources.values() if self._heard(source)]
        active = [source.watermark_ms for source in heard if not source.idle]
        if active:
            self._idle_since_ms = None
            self._watermark_ms = max(self._watermark_ms, min(active))
        elif heard and (furthest := max(source.watermark_ms for source in heard)):
            if self._idle_since_ms is None:
                self._idle_since_ms, self._idle_from_ms = self.clock_ms, max(self._watermark_ms, furthest)
            self._watermark_ms = self._idle_from_ms + self.clock_ms - self._idle_since_ms
        return self._watermark_ms

    def state(self) -> Any:
        """All that it knows, for a snapshot; `put_back` takes it."""
        sources = [(name, each.watermark_ms, each.idle, each.heard_ms) for name, each in self._sources.items()]
        return sources, self._watermark_ms, self._idle_since_ms, self._idle_from_ms, self.clock_ms

    def put_back(self, state: Any) -> None:
        """See `state`."""
        sources, self._watermark_ms, self._idle_since_ms, self._idle_from_ms, self.clock_ms = state
        self._sources = {name: _Source(*rest) for name, *rest in sources}

    def _heard(self, source: _Source) -> bool:
        return self.clock_ms - source.heard_ms <= self._timeout_ms
