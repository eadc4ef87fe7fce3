"""Sources whose rows are counted again under another epoch, and the judged windows that wait for it.

    source s0    rows of the open block under e1   | start under e2: those are void | counted again under e2
    watermark    held at 12:00:10                  | begins anew                    | 12:00:10 again
    alert        firing                            | waits                          | judged again, once

Judged in between, a window would lack the calls that are void: its alert would be resolved and fire again. So what
changes meanwhile is noted, and judged when the source has come as far as windows were judged before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from callgauge_streams.detect.merge import Changed
from callgauge_streams.detect.series import Series

__all__ = ["Place", "Recounts", "places_of"]

Place = tuple[Series, int]
"""A series, and the start of one of its windows."""


class Recounts:
    """See above."""

    def __init__(self) -> None:
        self._waiting: dict[str, dict[Place, None]] = {}

    def waits(self, source: str) -> bool:
        """Whether a source is counted again now."""
        return source in self._waiting

    def note(self, source: str, places: Iterable[Place]) -> None:
        """These windows have changed, by a source that is counted again from now on."""
        self._waiting.setdefault(source, {}).update(dict.fromkeys(places))

    def state(self) -> Any:
        """All that it knows, for a snapshot; `put_back` takes it."""
        return {
            source: [(series.number, start_ms) for series, start_ms in places]
            for source, places in self._waiting.items()
        }

    def put_back(self, state: Any, series_of: Callable[[int], Series]) -> None:
        """See `state`."""
        self._waiting = {
            source: {(series_of(number), start_ms): None for number, start_ms in places}
            for source, places in state.items()
        }

    def take_done(self, caught_up: Callable[[str], bool]) -> list[Place]:
        """The windows that wait for nothing any more, in the order in which they were noted."""
        done = [source for source in self._waiting if caught_up(source)]
        found: dict[Place, None] = {}
        for source in done:
            found.update(self._waiting.pop(source))
        return list(found)


def places_of(changed: Changed) -> list[Place]:
    """The windows that a batch of rows has changed."""
    pairs = zip(changed.slots.tolist(), changed.starts_ms.tolist(), strict=True)
    return [(changed.kept.series[slot], start_ms) for slot, start_ms in pairs]
