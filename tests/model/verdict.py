"""Whether what was sent is a plain recount of the log.

Every record counts once in each grouping set of the settings in force at its offset, unless it cannot be read, is a
duplicate, or was told as lost. Of what was told as lost nobody can say whether a dead worker's rows hold it already
(`resume_after_retention`), unless a commit has noted it as counted: so totals lie between the recount without and the
recount with it, and are exactly that recount where nothing was lost. What retention ate before anybody had committed
a first start was never promised.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import chain

import numpy as np

from callgauge.counted import MEASURES
from callgauge.schema import Call
from callgauge_streams.rollup.config import RollupConfig
from callgauge_windows.histogram import bucket_of
from tests.model.broker import Cluster, Commit
from tests.model.history import SETTINGS, Setup, Step, Stuck, play
from tests.model.log import Entry, Log
from tests.model.reader import Starts, final_rows, final_summaries, merged_by_detect, merged_by_views
from tests.model.worker import settings_of
from tests.oracle import Horizon, Key, recount

__all__ = ["faults_after", "faults_of", "untrue_losses"]

Found = dict[Key, Counter[str]]

_CONFIGS = {(config := RollupConfig.of(settings_of(**each))).epoch: (config, each["groupings"]) for each in SETTINGS}
_CAPPED = {epoch for epoch, (config, _) in _CONFIGS.items() if config.series_cap < 10}


@dataclass
class _Share:
    """One record's part in the recount."""

    entry: Entry
    epochs: frozenset[str]
    """In force, or, of what is lost, perhaps in force once: detect does not forget what it has folded."""
    lost: bool
    counts: bool
    """Readable, and no duplicate under the settings in force."""


@dataclass
class _Bounds:
    """What must be found, and what may be found."""

    least: Found = field(default_factory=dict)
    most: Found = field(default_factory=dict)


def faults_after(setup: Setup, steps: Sequence[Step]) -> list[str]:
    """What is wrong after a history."""
    try:
        cluster = play(setup, steps)
    except Stuck as error:
        return [str(error)]
    return faults_of(cluster)


def faults_of(cluster: Cluster) -> list[str]:
    """What is wrong, in words; empty when all is well."""
    records = list(chain.from_iterable(cluster.windows))
    starts = Starts(records)
    logs = [*cluster.retired, *cluster.logs.values()]
    current = {log.source for log in cluster.logs.values()}
    first = {log.source: _first_start(cluster, log) for log in logs}
    shares = {log.source: list(_shares(log, starts, first[log.source])) for log in logs}
    try:
        rows = final_rows(records, starts)
        by_views = merged_by_views(rows)
    except AssertionError as error:  # two rows of one identity and n differ
        return [str(error).partition("\n")[0]]
    capped = any(share.epochs & _CAPPED for each in shares.values() for share in each)
    faults = []
    for source in current:
        of_source = [row for row in rows if row.source == source]
        faults += _compared("views", merged_by_views(of_source), _recount(shares[source]), capped)
    whole = _recount([share for source in current for share in shares[source]])
    if len(cluster.retired) == 0:
        faults += _compared("detect", merged_by_detect(cluster.windows), whole, capped)
        faults += _compared("all views", by_views, whole, capped)
    else:  # sources of deleted topics end anywhere; they may not hold more than the log did
        every = _recount([share for each in shares.values() for share in each])
        every.least = whole.least
        faults += _compared("detect", merged_by_detect(cluster.windows), every, capped)
    faults += _summary_faults(records, starts, {s: shares[s] for s in current})
    faults += [fault for commit in cluster.commits for fault in _commit_faults(cluster, commit, shares)]
    return faults


def _first_start(cluster: Cluster, log: Log) -> int:
    return next((commit.offset for commit in cluster.commits if commit.source == log.source), log.end)


def _shares(log: Log, starts: Starts, first: int) -> Iterator[_Share]:
    lost = starts.lost.get(log.source, ())
    horizons = {epoch: Horizon(config.dedup_offsets, config.dedup_ms / 1000) for epoch, (config, _) in _CONFIGS.items()}
    for entry in log.entries:
        call = entry.call
        repeated = {
            epoch: call is not None and horizon.is_duplicate(0, entry.offset, entry.timestamp_ms, call.event_id)
            for epoch, horizon in horizons.items()
        }
        if entry.offset >= first:
            told_lost = any(begin <= entry.offset < end for begin, end in lost)
            in_force = frozenset({starts.in_force(log.source, entry.offset)})
            epochs = in_force | starts.epochs(log.source) if told_lost else in_force
            counts = call is not None and not all(repeated.get(epoch, False) for epoch in epochs)
            yield _Share(entry, epochs, told_lost, counts)


def _recount(shares: list[_Share]) -> _Bounds:
    bounds = _Bounds()
    for share in shares:
        if share.counts and share.entry.call:
            epochs = [epoch for epoch in share.epochs if epoch in _CONFIGS]
            found = {key: n for epoch in epochs for key, n in _counts_of(share.entry.call, _CONFIGS[epoch][1])}
            for key, counts in found.items():
                bounds.most.setdefault(key, Counter()).update(counts)
                if not share.lost:
                    bounds.least.setdefault(key, Counter()).update(counts)
    return bounds


def _counts_of(call: Call, groupings: str) -> list[tuple[Key, Counter[str]]]:
    return _cached_counts(call.event_id, call.model_dump_json(), groupings)


@lru_cache(maxsize=50_000)
def _cached_counts(_: str, written: str, groupings: str) -> list[tuple[Key, Counter[str]]]:
    found = recount([Call.model_validate_json(written)], groupings)
    for total in found.values():
        for name in MEASURES:
            if total[f"{name} count"]:
                value = total[f"{name} sum"]
                where = f"bucket {int(bucket_of(np.array([value]))[0])}" if value else "zero"
                total[f"{name} {where}"] = 1
    return list(found.items())


def _compared(reader: str, found: Found, expected: _Bounds, capped: bool) -> list[str]:
    """Differences, in words. A cap moves events to other series of their window: windows are compared then."""
    least, most = expected.least, expected.most
    if capped:
        found, least, most = _without_labels(found), _without_labels(least), _without_labels(most)
    names = {name for total in found.values() for name in total}
    faults = []
    for key in sorted({*found, *most}, key=str):
        total, low, high = found.get(key, Counter()), least.get(key, Counter()), most.get(key, Counter())
        for name in sorted(names & {*total, *high}):
            if not low[name] <= total[name] <= high[name]:
                faults.append(f"{reader}: {key} {name} is {total[name]}, should be {low[name]} to {high[name]}")
    if not names and least:
        faults.append(f"{reader}: no rows")
    return faults


def _without_labels(found: Found) -> Found:
    folded: Found = {}
    for (grouping, _, start_ms), total in found.items():
        folded.setdefault((grouping, (), start_ms), Counter()).update(total)
    return folded


def _summary_faults(records: list[object], starts: Starts, shares: dict[str, list[_Share]]) -> list[str]:
    faults = []
    read: dict[str, Counter[str]] = {source: Counter() for source in shares}
    for summary in final_summaries(records, starts):
        if summary.records != summary.counted + summary.duplicates + summary.dead:
            faults.append(f"summary of {summary.source} {summary.block} does not add up: {summary}")
        if summary.source in read:
            parts = {"records": summary.records, "counted": summary.counted, "dead": summary.dead}
            read[summary.source].update(parts)
    for source, found in read.items():
        high, low = _outcomes(shares[source]), _outcomes([share for share in shares[source] if not share.lost])
        for name in ("records", "counted", "dead"):
            if not low[name] <= found[name] <= high[name]:
                faults.append(f"summaries of {source}: {name} {found[name]}, should be {low[name]} to {high[name]}")
    return faults


def _outcomes(shares: list[_Share]) -> Counter[str]:
    return Counter(
        records=len(shares),
        counted=sum(share.counts for share in shares),
        dead=sum(share.entry.call is None for share in shares),
    )


def untrue_losses(cluster: Cluster) -> list[str]:
    """Losses that cover what the commit before had noted as counted."""
    faults = []
    before: dict[str, Commit] = {}
    for commit in cluster.commits:
        earlier = before.get(commit.source)
        if earlier and 0 <= commit.note.lost_from < earlier.note.counted_to and earlier.offset < commit.offset:
            lost = f"offsets {commit.note.lost_from} up to {commit.offset}"
            faults.append(f"{commit.source}: {lost} are noted as lost, {earlier} had some of them counted")
        before[commit.source] = commit
    return faults


def _commit_faults(cluster: Cluster, commit: Commit, shares: dict[str, list[_Share]]) -> list[str]:
    """Everything before a committed offset was in the windows topic when it was committed."""
    records = [record for part, most in zip(cluster.windows, commit.sent, strict=True) for record in part[:most]]
    starts = Starts(records)
    rows = [r for r in final_rows(records, starts) if r.source == commit.source and r.block < commit.offset]
    counted: dict[tuple[object, ...], int] = {}
    for row in rows:
        if row.grouping == "@10s":
            identity = (row.series_id, row.window_start_ms, row.block, row.epoch)
            counted[identity] = max(row.n, counted.get(identity, 0))
    before = [s for s in shares[commit.source] if s.entry.offset < commit.offset and s.counts]
    lost_from = commit.note.lost_from if commit.note.lost_from >= 0 else commit.offset
    least = sum(not share.lost and share.entry.offset < lost_from for share in before)
    if not least <= sum(counted.values()) <= len(before):
        counts = f"{sum(counted.values())} of {least} to {len(before)} events"
        return [f"{commit.source}: {commit.offset} was committed with {counts} before it"]
    return []
