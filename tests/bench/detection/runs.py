"""The parts of a run, each kept as soon as it is done: so a run that was ended goes on, and parts can run side by side.

    build/bench/incidents/
      6x6x14-<code>/                    services, calls per second and days of each seed; the code that makes loads
        600000-600005.log               the load of a group of seeds (made_log), made once
        600000.json                     truth and traffic of a seed (played.Made)
        default-<code and rules>/
          600000.json                   what the rule set told of it (played.Told)

Other code, or other rules, have other names, so nothing is mixed up. The seeds of a group are played side by side, as
one load (side_by_side).
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from callgauge.groupings import parse_groupings
from callgauge.settings import load_settings
from callgauge_streams.rollup.config import RollupConfig
from callgauge_windows.row_batch import RowBatch
from tests.bench.detection.fingerprints import code_of_judging, code_of_making
from tests.bench.detection.judged import judge_of
from tests.bench.detection.made_log import read_log, whole, write_log
from tests.bench.detection.made_rows import rows_of
from tests.bench.detection.missed import shapes_of
from tests.bench.detection.plan import START_S, Size, load_of, seed_of
from tests.bench.detection.played import Made, Played, Told
from tests.bench.detection.side_by_side import batches_of, joined

__all__ = ["Runs", "groups_of"]

# What the rules here go by: windows of other grouping sets would cost time, and of all loads together mean nothing.
_GROUPINGS = parse_groupings("model@10s service@10s")
# Rows come, and windows are judged, a minute at a time: in order, each as it would be at its end, but at a sixth of the
# cost. Calls of clocks that are behind by more than that come late, as live.
_STEP_MS = 60_000

Kept = TypeVar("Kept", Made, Told)
Group = tuple[int, ...]
Log = Iterable[tuple[int, Any]]


def groups_of(seeds: Sequence[int], most: int) -> list[Group]:
    """The seeds in groups of about the same size, at most `most`."""
    parts = -(-len(seeds) // most)
    return [tuple(seeds[len(seeds) * at // parts : len(seeds) * (at + 1) // parts]) for at in range(parts)]


@dataclass(frozen=True)
class Runs:
    """The results of loads of one size, in a folder."""

    folder: Path
    size: Size

    @property
    def _loads(self) -> Path:
        size = self.size
        return self.folder / f"{size.services}x{size.per_s:g}x{size.days:g}-{code_of_making()}"

    def _made(self, seed: int) -> Path:
        return self._loads / f"{seed}.json"

    def _told(self, name: str, rules: Path | None, seed: int) -> Path:
        return self._loads / f"{name}-{code_of_judging(name, rules)}" / f"{seed}.json"

    def _log(self, group: Group) -> Path:
        return self._loads / f"{group[0]}-{group[-1]}.log"

    def must_make(self, group: Group) -> bool:
        """Whether the load of a group is still to be made."""
        return not (self._log(group).exists() and all(self._made(seed).exists() for seed in group))

    def must_judge(self, name: str, rules: Path | None, group: Group) -> bool:
        """Whether a rule set has still to judge it."""
        return not all(self._told(name, rules, seed).exists() for seed in group)

    def make(self, group: Group) -> None:
        """Make the load of these seeds."""
        config = replace(RollupConfig.of(load_settings()), groupings=_GROUPINGS)
        loads = [load_of(seed, self.size, config.groupings) for seed in group]
        plays, worlds = [load.play() for load in loads], [load.world for load in loads]
        rows = rows_of(batches_of(plays, worlds), joined(worlds), config, scores=False, step_ms=_STEP_MS)
        counted: list[int] = []
        mark = time.process_time()
        write_log(self._log(group), self._counted(self._telling(rows, f"the load of {_named(group)}"), counted))
        share, taken_s = 1 / len(group), time.process_time() - mark
        for seed, play, world in zip(group, plays, worlds, strict=True):
            made = Made(play.truth(), shapes_of(world), round(sum(counted) * share), taken_s * share)
            _write(self._made(seed), made)

    def judge(self, name: str, rules: Path | None, group: Group) -> None:
        """Let a rule set judge the load of these seeds, which was made."""
        # Named first: somebody may change the code meanwhile.
        places = {seed: self._told(name, rules, seed) for seed in group}
        judge = judge_of(name, rules, _GROUPINGS, self.size.days)
        mark = time.process_time()
        for offset, (at_ms, record) in enumerate(self._telling(read_log(self._log(group)), f"{name}, {_named(group)}")):
            judge.take(offset, at_ms, record)
        firings, taken_s = judge.firings, time.process_time() - mark
        told, series = _by_seed(each.labels for each in firings), _by_seed(judge.series.values())
        for seed, place in places.items():
            own = [firings[at] for at in told[seed]]
            _write(place, Told(own, len(series[seed]), taken_s / len(group)))

    def played(self, seeds: Iterable[int], rule_sets: Mapping[str, Path | None]) -> list[Played]:
        """What there is of these seeds by now, those that some rule set has judged."""
        found = []
        for seed in seeds:
            told = {name: each for name, rules in rule_sets.items() if (each := self.told(name, rules, seed))}
            made = _read(self._made(seed), Made)
            if told and made:
                firings = {name: each.firings for name, each in told.items()}
                series = {name: each.series for name, each in told.items()}
                found.append(Played(seed, made.truth, firings, series, made.services))
        return found

    def told(self, name: str, rules: Path | None, seed: int) -> Told | None:
        """What a rule set told of a seed; None: it has not judged it yet."""
        return _read(self._told(name, rules, seed), Told)

    def made(self, seed: int) -> Made | None:
        """The load of a seed; None: it is not made yet."""
        return _read(self._made(seed), Made)

    @property
    def _end_ms(self) -> float:
        return (START_S + self.size.days * 86_400) * 1e3

    def _counted(self, log: Log, counted: list[int]) -> Iterator[tuple[int, Any]]:
        """The log up to the end of the load, where calls stop to begin; notes how many calls its rows count."""
        for timestamp_ms, record in log:
            if timestamp_ms > self._end_ms:
                return
            if isinstance(record, RowBatch) and record.grouping == _GROUPINGS[0].name:
                counted.append(int(record.column("n").sum()))
            yield timestamp_ms, record

    def _telling(self, log: Log, what: str) -> Iterator[tuple[int, Any]]:
        """Says on stderr how far it is, after each simulated day."""
        days, began_s, day = self.size.days, time.monotonic(), 0
        for timestamp_ms, record in log:
            passed = int((timestamp_ms / 1e3 - START_S) // 86_400)
            if passed > day:
                day, taken_s = passed, time.monotonic() - began_s
                left_s = taken_s * (days / day - 1)
                print(f"{what}: day {day} of {days:g} after {taken_s:,.0f} s, {left_s:,.0f} s left", file=sys.stderr)
            yield timestamp_ms, record


def _named(group: Group) -> str:
    return f"seeds {group[0]} to {group[-1]}"


def _by_seed(labels: Iterable[Mapping[str, str]]) -> dict[int, list[int]]:
    """Places of what each seed's load has."""
    found: dict[int, list[int]] = defaultdict(list)
    for at, each in enumerate(labels):
        found[seed_of(each)].append(at)
    return found


def _write(path: Path, what: Made | Told) -> None:
    with whole(path) as partial:
        partial.write_bytes(msgspec.json.encode(what))


def _read(path: Path, kind: type[Kept]) -> Kept | None:
    return msgspec.json.decode(path.read_bytes(), type=kind) if path.exists() else None
