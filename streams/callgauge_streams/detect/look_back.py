"""What a worker finds out of a partition before it judges it: what was told, what was saved, and from where to read.

Where there is a snapshot of the same rules, its engine goes on after the last record that it has taken. Else the log is
read again as far back as the rules look, and detectors go on from what they had learned.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field

from callgauge.schema import Alert
from callgauge.settings import Settings
from callgauge_rules.in_force import InForce
from callgauge_streams.bus.steps import note_step
from callgauge_streams.detect.engine import Engine
from callgauge_streams.detect.engine_snapshot import Manifest, Saver, put_back, shape_of
from callgauge_streams.detect.history import SavedState, current_alerts, decided_at, offset_at, saved_state
from callgauge_streams.detect.history_span import read_back_ms
from callgauge_streams.detect.rules_in_force import RulesInForce
from callgauge_streams.detect.told import Told

__all__ = ["Known", "LookBack"]

log = logging.getLogger(__name__)


@dataclass
class Known:
    """What is known of a partition before its log is read.

    Attributes:
        start: the first offset that must be read.
        live_from: the first offset that is not decided yet.
        rules, version: those that were known then, for whoever judges from `at_ms` on.
        whole: it is read from its beginning.
        manifest: of the snapshot to go on from.
    """

    start: int
    live_from: int
    at_ms: int
    rules: list[InForce]
    version: int
    current: list[Alert]
    saved: SavedState = field(default_factory=lambda: SavedState([], {}))
    whole: bool = False
    manifest: Manifest | None = None


class LookBack:
    """See above.

    Args:
        origin: "cluster id/topic id" of the windows topic.
    """

    def __init__(self, settings: Settings, rules: RulesInForce, origin: str) -> None:
        self._settings, self._rules, self._origin = settings, rules, origin
        self._timeout_ms = int(settings.source_timeout_s * 1000)

    async def known(self, partition: int, first: int, live_from: int, *, snapshots: bool = True) -> Known:
        """Find it out.

        Args:
            first: the log's first offset.
            live_from: the first offset that is not decided yet.
            snapshots: whether a snapshot may be used; not of a log that has lost its end.
        """
        await self._rules.fresh()
        settings, version = self._settings, self._rules.version
        current = await asyncio.to_thread(current_alerts, settings, partition)
        if live_from == first:
            saved = await asyncio.to_thread(saved_state, settings, partition)
            rules = self._rules.known_at(0)
            return Known(first, first, 0, rules, version, current, SavedState([], saved.pieces), whole=True)
        saved = await asyncio.to_thread(saved_state, settings, partition)
        manifest = saved.manifest() if snapshots else None
        if manifest is not None and self._fits(manifest, partition, first):
            start, at_ms = manifest.next_offset, manifest.rules_at_ms
            what = "going on from the snapshot up to offset %d; alerts are told from offset %d on"
            log.info(f"partition %d: {what}", partition, start, live_from)
            return Known(
                start, live_from, at_ms, self._rules.known_at(at_ms), version, current, saved, manifest=manifest
            )
        note_step("looking for the offset to read from")
        decided_ms = await asyncio.to_thread(decided_at, settings, partition, live_from)
        rules = self._rules.known_at(decided_ms or 0)
        start = live_from
        if decided_ms is not None:
            since_ms = decided_ms - read_back_ms([each.rule for each in rules], self._timeout_ms)
            start = await asyncio.to_thread(offset_at, settings, partition, since_ms, live_from)
        what = (
            "reading back from offset %d, for the windows that rules look back at; alerts are decided from offset %d on"
        )
        log.info(f"partition %d: {what}", partition, start, live_from)
        return Known(start, live_from, decided_ms or 0, rules, version, current, saved, whole=start == first)

    def engine(self, partition: int, known: Known) -> tuple[Engine, Saver, Told]:
        """The engine that goes on from there, what saves it, and which of its alerts are new."""
        manifest, name = known.manifest, self._log(partition)
        engine = Engine(
            known.rules,
            log=name,
            source_timeout_ms=self._timeout_ms,
            live_from=manifest.next_offset if manifest else known.live_from,
            current=() if manifest else known.current,
            learned=() if manifest else known.saved.states(),
            whole=known.whole,
            tells_losses=partition == 0,
            baselines=self._rules.baselines,
        )
        if manifest:
            put_back(engine, manifest, known.saved.pieces)
        shape = shape_of(known.rules, self._timeout_ms)
        saver = Saver(engine, name, shape, known.at_ms, manifest, known.saved.pieces)
        told = Told(name, known.live_from, known.current) if manifest else Told(name, 0, ())
        known.saved = SavedState([], {})  # it may be large
        return engine, saver, told

    def _fits(self, manifest: Manifest, partition: int, first: int) -> bool:
        rules = self._rules.known_at(manifest.rules_at_ms)
        mine = self._log(partition), shape_of(rules, self._timeout_ms)
        return (manifest.log, manifest.shape) == mine and manifest.next_offset >= first

    def _log(self, partition: int) -> str:
        return f"{self._origin}/{partition}"
