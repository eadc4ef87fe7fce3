"""Detection judged on LLM incidents with known truth: `python -m tests.bench.incidents [--seeds 20 --days 14]`.

Each seed is a stretch of simulated days in which every kind of incident happens once. Its calls go through rollup's
core into detect's engine, every 10 seconds as live: under the default rules, `seeds`, the detectors that learn with
their own defaults (detection/learned.yaml), and under two baselines: fixed thresholds as people write them for
Prometheus (detection/fixed.yaml), and mean ± 3σ of the last day. Two thirds of the seeds are for tuning; the result's
figures are those of the rest, the others lie under `tuning`.

Every part is kept as soon as it is done (detection/runs.py), so the same command goes on where it was ended; parts that
are missing are left out of the figures, and named under `ran`. `--gather` only tells what there is by now.

    detected                        share of incidents with a right alert (detection/score.py)
    delay_p50_s, delay_p90_s        from the incident's start to the first right alert, the wait for rows (3 s) included
    names_the_cause                 share of first right alerts that name what the incident hits
    names_the_cause_in_60s          the same of the first minute after that alert
    within                          share of hard incidents seen in 90 s, of steps in 5 min, of slow ones in 2 h: of
                                    all, and of those that could be known by then (`..._knowable`)
    false_pages_per_series_week     alerts that wake somebody up, about series that nothing was wrong with
    false_warnings_per_series_day   the same of warnings
    missed                          the incidents that were not seen in time, one by one
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from callgauge_load.incidents.catalogue import KINDS
from tests.bench.detection.draw import draw, sides_of
from tests.bench.detection.judged import BASELINES, RULE_SETS, THREE_SIGMA
from tests.bench.detection.missed import missed
from tests.bench.detection.plan import HELD_OUT_FROM, JUDGING_FROM, Size, seeds_of
from tests.bench.detection.played import Played
from tests.bench.detection.runs import Runs, groups_of
from tests.bench.detection.score import scores
from tests.bench.report import FOLDER, report

__all__ = ["result_of", "run"]

RuleSets = Mapping[str, Path | None]


def run(runs: Runs, rule_sets: RuleSets, seeds: Sequence[Sequence[int]], jobs: Executor, most: int) -> None:
    """Do what is missing: make loads, then judge them, one rule set after the other.

    Args:
        seeds: first those that are wanted first, so that their figures are there while others are still played.
        most: so many seeds are played side by side, at most.
    """
    for part in seeds:
        groups = groups_of(part, most) if part else []
        for made in [jobs.submit(runs.make, group) for group in groups if runs.must_make(group)]:
            made.result()
        parts = [(name, rules, group) for name, rules in rule_sets.items() for group in groups]
        for judged in [jobs.submit(runs.judge, *each) for each in parts if runs.must_judge(*each)]:
            judged.result()


def result_of(played: Sequence[Played], days: float) -> dict[str, Any]:
    """The figures: those of the first rule set, then those of each and of the baselines under their names."""
    by_name: dict[str, list[Played]] = {}
    for one in played:
        for name in one.firings:
            by_name.setdefault(name, []).append(one)
    sets = {name: scores(own, name, days) | {"missed": missed(own, name)} for name, own in by_name.items()}
    rule_sets = {name: found for name, found in sets.items() if name not in BASELINES}
    first = next(iter(rule_sets or sets), None)
    return (sets[first] if first else {}) | {
        "rule_sets": rule_sets,
        "baselines": {name: found for name, found in sets.items() if name in BASELINES},
    }


def table(result: dict[str, Any]) -> list[dict[str, Any]]:
    """One row a kind: share detected, median and 90th percentile of the delay, of each rule set and baseline."""
    sides = sides_of(result)
    rows: list[dict[str, Any]] = [
        {
            "kind": kind,
            "incidents": result[kind]["incidents"],
            **{name: _cell(side[kind]) for name, side in sides.items()},
        }
        for kind in KINDS
    ]
    for part in result["within"]:
        rows.append({"kind": f"seen: {part}"} | {name: f"{side['within'][part]:.0%}" for name, side in sides.items()})
    for part in ("names_the_cause", "names_the_cause_in_60s"):
        rows.append({"kind": part} | {name: _percent(side[part]) for name, side in sides.items()})
    for part in ("false_pages_per_series_week", "false_warnings_per_series_day"):
        rows.append({"kind": part} | {name: f"{side[part]:.2f}" for name, side in sides.items()})
    return rows


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.0%}"


def _cell(found: dict[str, Any]) -> str:
    if not found["detected"]:
        return "-"
    return f"{found['detected']:.0%}, {found['delay_p50_s']:,.0f} / {found['delay_p90_s']:,.0f} s"


def _ran(runs: Runs, rule_sets: RuleSets, tuning: Sequence[int], held_out: Sequence[int]) -> dict[str, Any]:
    """What there is: of which seeds, and what it cost."""
    made = [found for seed in (*tuning, *held_out) if (found := runs.made(seed))]
    done: dict[str, Any] = {}
    cpu_s = {"made": sum(one.cpu_s for one in made)}
    for name, rules in rule_sets.items():
        told = {seed: each for seed in (*tuning, *held_out) if (each := runs.told(name, rules, seed))}
        done[name] = {
            "tuning": sum(seed in told for seed in tuning),
            "held_out": sum(seed in told for seed in held_out),
        }
        cpu_s[name] = sum(each.cpu_s for each in told.values())
    return {
        **vars(runs.size),
        "tuning_seeds": list(tuning),
        "held_out_seeds": list(held_out),
        "judged": done,
        "calls": sum(one.calls for one in made),
        "cpu_s": {name: round(seconds, 1) for name, seconds in cpu_s.items()},
    }


def _tell(runs: Runs, rule_sets: RuleSets, tuning: Sequence[int], held_out: Sequence[int]) -> None:
    parts = {
        name: result_of(runs.played(seeds, rule_sets), runs.size.days)
        for name, seeds in (("tuning", tuning), ("held out", held_out))
    }
    ran = _ran(runs, rule_sets, tuning, held_out)
    result = parts["held out"] | {"tuning": parts["tuning"], "ran": ran}
    for name, part in parts.items():
        if sides := sides_of(part):
            report("incidents_table", table(part), title=f"Incidents, {name} seeds", notes=json.dumps(ran))
            report("incidents_missed", part["missed"], title=f"Not seen in time by {next(iter(sides))}, {name} seeds")
    if sides_of(result):
        draw(result, FOLDER / "incidents.png")
    (FOLDER / "incidents.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--seeds", type=int, default=20, help="a third of them, at least one, is held out")
    parser.add_argument("--days", type=float, default=14.0, help="simulated days of each seed")
    parser.add_argument("--services", type=int, default=6)
    parser.add_argument("--rate", type=float, default=6.0, help="calls per second of all services of a seed")
    parser.add_argument("--jobs", type=int, default=1, help="processes; each judges some seeds by one rule set")
    parser.add_argument("--group", type=int, default=7, help="seeds that are played side by side, and kept together")
    parser.add_argument("--rules", type=Path, action="append", default=[], help="a rule file to judge by, too")
    parser.add_argument("--only", action="append", default=[], help="rule sets to judge by, instead of all")
    parser.add_argument(
        "--judge", action="store_true", help=f"hold out seeds from {JUDGING_FROM:,} on: once, in the end"
    )
    parser.add_argument("--gather", action="store_true", help="only tell what there is by now")
    options = parser.parse_args()
    runs = Runs(FOLDER / "incidents", Size(options.services, options.rate, options.days))
    known = RULE_SETS | {path.stem: path.absolute() for path in options.rules}
    known[THREE_SIGMA] = None  # no rules
    rule_sets = {name: path for name, path in known.items() if not options.only or name in (*options.only, *BASELINES)}
    tuning, held_out = seeds_of(options.seeds, JUDGING_FROM if options.judge else HELD_OUT_FROM)
    if not options.gather:
        with ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn")) as jobs:
            run(runs, rule_sets, (held_out, tuning), jobs, options.group)
    _tell(runs, rule_sets, tuning, held_out)


if __name__ == "__main__":
    main()
