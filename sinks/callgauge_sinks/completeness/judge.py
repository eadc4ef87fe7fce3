"""Judges completeness, exact to the single record: what was read, what of it was counted, and what is stored.

Rollup says in the summary of each block (a run of consecutive records of one partition) how many records it read and
what became of them. That is compared with the rows of `calls` (or `scores` and `state_changes`) and `dead_letters` that
come from the block's offsets. Both sides are compared only as far as both have come: `stored_offsets` says up to which
offset the sink has stored a source, and from which offset on it has kept track of it.

An event that comes again is stored once, at its lowest offset. Rollup leaves out the later record as a duplicate if it
comes within the duplicate horizon (so many offsets and seconds after the earlier). Beyond the horizon, or from another
source, it is counted twice. That shows as a gap of one, and looks the same as a lost event.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from itertools import pairwise

from callgauge_sinks.completeness.evidence import Block, Evidence, Found, Lost
from callgauge_sinks.completeness.report import Gap, Holds, Hour, Kind, Report

__all__ = ["HOUR_MS", "LETTERS_WITHIN_MS", "judge"]

HOUR_MS = 3_600_000
#: Dead letters go over a topic of their own and are stored later. One that is not stored so long after the first record
#: of its block (a block lasts a minute at most) counts as missing; before that it counts as on its way.
LETTERS_WITHIN_MS = 180_000


def judge(evidence: Evidence, now_ms: int) -> Report:
    """Compare what rollup says with what is stored. Pure.

    Args:
        now_ms: the present time, by the clock that stamps the records.
    """
    return _Judge(evidence, now_ms).report()


class _Judge:
    def __init__(self, evidence: Evidence, now_ms: int) -> None:
        self._evidence = evidence
        self._now_ms = now_ms
        self._marks = {mark.source: mark for mark in evidence.marks}
        self._events = {(found.source, found.block): found for found in evidence.events}
        self._letters = {(found.source, found.block): found for found in evidence.letters}
        self._lost = _united(evidence.lost)
        self._hours: dict[tuple[str, int], Hour] = {}
        self._gaps: list[Gap] = []
        self._pending: list[str] = []
        self._to_come = self._unsettled = 0
        self._notes: list[str] = []

    def report(self) -> Report:
        by_source: dict[str, list[Block]] = defaultdict(list)
        for block in self._evidence.blocks:
            by_source[block.source].append(block)
        for blocks in by_source.values():
            blocks.sort(key=lambda block: block.block)
            for block in blocks:
                self._add(block)
            for before, after in pairwise(blocks):
                self._look_between(before, after)
        self._add_lost()
        self._tell_pending()
        self._tell_unstored(by_source)
        self._tell_unseen()
        self._tell_notes(by_source)
        wrong = {(gap.source, gap.hour_ms) for gap in self._gaps}
        for key, hour in self._hours.items():
            hour.state = (
                "gap" if key in wrong else "open" if hour.open else "not compared" if hour.not_compared else "ok"
            )
        hours = sorted(self._hours.values(), key=lambda hour: (hour.hour_ms, hour.source))
        since_ms, to_come = self._evidence.since_ms, self._to_come
        return Report(since_ms, hours, self._gaps, self._pending, self._notes, to_come, self._unsettled)

    def _add(self, block: Block) -> None:
        hour = self._hour(block.source, block.first_ts_ms)
        for name in ("records", "counted", "duplicates", "dead", "late", "folded", "clamped", "differing"):
            setattr(hour, name, getattr(hour, name) + getattr(block, name))
        hour.blocks += 1
        if block.records != block.counted + block.duplicates + block.dead:
            self._gap(
                block,
                "records",
                f"{block.records:,} records were read, {block.counted:,} counted + {block.duplicates:,} duplicates + "
                f"{block.dead:,} dead",
            )
        compared = self._compare(block, hour)
        self._unsettled += not compared
        if not (compared and block.complete):
            hour.open += 1

    def _compare(self, block: Block, hour: Hour) -> bool:
        """Compare a block with what is stored of it, and note the gaps.

        Returns:
            False if the block cannot be judged yet: the sink is behind, or dead letters may be on their way.
        """
        mark = self._marks.get(block.source)
        if mark is None:
            return True
        nothing = Found(block.source, block.block, block.last_offset, 0, 0)
        events = self._events.get((block.source, block.block), nothing)
        letters = self._letters.get((block.source, block.block), nothing)
        hour.holds = mark.sink
        hour.stored = (hour.stored or 0) + events.within
        hour.letters = (hour.letters or 0) + letters.within
        if block.block < mark.first_offset:
            hour.not_compared += 1
            return True
        # If the block grew between two queries, it is compared the next time.
        same = events.last_offset == letters.last_offset == block.last_offset
        if mark.next_offset <= block.last_offset or not same:
            return False
        if events.within != block.counted:
            self._gap(block, mark.sink, _difference(block, events.within, mark.sink))
        return self._compare_letters(block, letters.within, mark.sink)

    def _compare_letters(self, block: Block, stored: int, sink: Holds) -> bool:
        if stored == block.dead:
            return True
        if stored < block.dead and self._now_ms - block.first_ts_ms < LETTERS_WITHIN_MS:
            self._pending.append(f"{block.source}: {block.dead - stored:,} dead letters are on their way to the store")
            return False
        few = "some are missing, or the sink of dead letters is behind: ask again"
        many = f"the {sink} sink could not store what rollup counted"
        self._gap(
            block,
            "dead letters",
            f"{stored:,} dead letters stored, {block.dead:,} records dead: {few if stored < block.dead else many}",
        )
        return True

    def _look_between(self, before: Block, after: Block) -> None:
        if after.block <= before.last_offset:
            self._gap(after, "overlap", f"begins within the block before it ({_range(before)}): records count twice")
        if any(lost.first < after.block and before.last_offset < lost.end - 1 for lost in self._lost[before.source]):
            return
        beyond = sum(
            found[before.source, before.block].beyond
            for found in (self._events, self._letters)
            if (before.source, before.block) in found
        )
        mark = self._marks.get(before.source)
        if beyond and mark is not None and before.block >= mark.first_offset:
            self._gap(
                before,
                "between blocks",
                f"{beyond:,} stored records lie between this block and the next ({_range(after)}): rollup skipped them",
            )

    def _add_lost(self) -> None:
        for source, ranges in self._lost.items():
            for lost in ranges:
                if 0 < lost.at_ms < self._evidence.since_ms:
                    continue
                size = lost.end - lost.first
                hour = self._hour(source, lost.at_ms)
                hour.lost += size
                message = (
                    f"offsets {lost.first:,} to {lost.end - 1:,}: retention ate them before rollup counted them; "
                    f"up to {size:,} events are in no window (`calls` or `scores` may hold them)"
                )
                self._gaps.append(Gap(source, hour.hour_ms, "lost", message))

    def _tell_pending(self) -> None:
        for source, mark in sorted(self._marks.items()):
            if mark.at_ms < self._evidence.since_ms:
                continue
            rolled_up = self._evidence.rolled_up.get(source, mark.first_offset - 1)
            self._to_come += abs(mark.next_offset - 1 - rolled_up)
            if mark.next_offset <= rolled_up:
                self._pending.append(
                    f"{source}: the {mark.sink} sink is behind: stored up to offset {mark.next_offset - 1:,}, rolled "
                    f"up to {rolled_up:,}"
                )
            elif mark.next_offset > rolled_up + 1:
                self._pending.append(
                    f"{source}: {mark.next_offset - rolled_up - 1:,} records from offset {rolled_up + 1:,} on are "
                    "stored and not summarised yet (their block is open)"
                )

    def _tell_unstored(self, by_source: Mapping[str, list[Block]]) -> None:
        """Sources that rollup counts and of which no sink has stored anything, as of partitions that were just added:
        rollup had found them, the sink had not."""
        stored = {_topic_of(source) for source in self._marks}
        for source, blocks in by_source.items():
            records = sum(block.records for block in blocks)
            if source in self._marks or not records:
                continue
            self._to_come += records
            who = (
                "a new partition, which the sinks find within seconds; if this stays, restart `callgauge sinks`"
                if _topic_of(source) in stored
                else "does `callgauge sinks` run?"
            )
            self._pending.append(f"{source}: {records:,} records are rolled up and no sink has stored one: {who}")

    def _tell_unseen(self) -> None:
        for unseen in self._evidence.unseen:
            self._to_come += unseen.records
            self._pending.append(
                f"{unseen.source}: neither rollup nor a sink has told of this partition yet, which holds "
                f"{unseen.records:,} offsets: both find a new partition within seconds; if this stays, look whether "
                "`callgauge rollup` and `callgauge sinks` run, and restart them"
            )

    def _tell_notes(self, by_source: Mapping[str, list[Block]]) -> None:
        for source, blocks in by_source.items():
            if source not in self._marks:
                self._notes.append(f"{source}: no sink has stored it: only rollup's own figures are checked")
            holes = sum(max(0, after.block - before.last_offset - 1) for before, after in pairwise(blocks))
            if holes:
                self._notes.append(
                    f"{source}: {holes:,} offsets lie between blocks; whether records were there that neither rollup "
                    "nor the sink read cannot be known"
                )
        for source in sorted({hour.source for hour in self._hours.values() if hour.not_compared}):
            number = sum(hour.not_compared for hour in self._hours.values() if hour.source == source)
            self._notes.append(
                f"{source}: {number:,} blocks before offset {self._marks[source].first_offset:,} are not compared: "
                "stored before callgauge kept sources, or by another store"
            )

    def _hour(self, source: str, at_ms: int) -> Hour:
        hour_ms = at_ms // HOUR_MS * HOUR_MS
        return self._hours.setdefault((source, hour_ms), Hour(source, hour_ms))

    def _gap(self, block: Block, kind: Kind, message: str) -> None:
        hour_ms = block.first_ts_ms // HOUR_MS * HOUR_MS
        self._gaps.append(Gap(block.source, hour_ms, kind, f"block {_range(block)}: {message}"))


def _difference(block: Block, stored: int, noun: Holds) -> str:
    if stored < block.counted:
        return (
            f"{block.counted - stored:,} of {block.counted:,} counted {noun} are not stored here: missing, or events "
            "that came again beyond the duplicate horizon or in another source (counted twice, stored once)"
        )
    why = f"rollup missed {stored - block.counted:,}"
    if block.duplicates:
        key = "another service, model or ts" if noun == "calls" else "the id of another kind of record"
        why += f", or duplicates with {key}, which are rows of their own"
    return f"{stored:,} {noun} stored, {block.counted:,} counted: {why}"


def _topic_of(source: str) -> str:
    return source.rpartition("/")[0]


def _range(block: Block) -> str:
    return f"{block.block:,} to {block.last_offset:,}"


def _united(lost: Iterable[Lost]) -> defaultdict[str, list[Lost]]:
    """Join overlapping ranges, by source.

    The same loss may be told more than once: each worker that takes the source over tells it again, until a later block
    start is committed.
    """
    united: defaultdict[str, list[Lost]] = defaultdict(list)
    for each in sorted(lost, key=lambda each: (each.source, each.first, each.end)):
        ranges = united[each.source]
        if ranges and each.first <= ranges[-1].end:
            before = ranges.pop()
            at_ms = 0 if 0 in (before.at_ms, each.at_ms) else max(before.at_ms, each.at_ms)
            each = Lost(each.source, before.first, max(before.end, each.end), at_ms)
        ranges.append(each)
    return united
