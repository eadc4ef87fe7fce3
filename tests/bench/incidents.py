"""Detection judged on LLM incidents with known truth: `python -m tests.bench.incidents [--seeds 20 --days 14]`.

Each seed is a stretch of simulated days in which every kind of incident happens once. All seeds are played side by
side, as one load whose calls go through rollup's core into detect's engine in process, every 10 seconds as live:
under the default rules, `seeds`, the detectors that learn with their own defaults (detection/learned.yaml), and under
two baselines: fixed thresholds as people write them for Prometheus (detection/fixed.yaml), and mean ± 3σ of the last
day. Two thirds of the seeds are for tuning; the result's figures are those of the rest, the others lie under `tuning`.

    detected                        share of incidents with a right alert (detection/score.py)
    delay_p50_s, delay_p90_s        from the incident's start to the first right alert, the wait for rows (3 s) included
    names_the_cause                 share of first right alerts that name what the incident hits
    within                          share of hard incidents seen in 90 s, of steps in 5 min, of slow ones in 2 h: of
                                    all, and of those that could be known by then (`..._knowable`)
    false_pages_per_series_week     alerts that wake somebody up, about series that nothing was wrong with
    false_warnings_per_series_day   the same of warnings
    missed                          the incidents that were not seen in time, one by one
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from callgauge_load.incidents.catalogue import KINDS
from tests.bench.detection.draw import draw, sides_of
from tests.bench.detection.judged import FIXED, RULE_SETS, THREE_SIGMA, Played, play
from tests.bench.detection.missed import missed
from tests.bench.detection.plan import Size, seeds_of
from tests.bench.detection.score import scores
from tests.bench.report import FOLDER, report

__all__ = ["result_of"]

_BASELINES = (FIXED, THREE_SIGMA)


def result_of(played: Sequence[Played], rule_sets: Sequence[str], days: float) -> dict[str, Any]:
    """The figures: those of the first rule set, then those of each and of the baselines under their names."""
    sets = {name: scores(played, name, days) | {"missed": missed(played, name)} for name in rule_sets}
    return sets[rule_sets[0]] | {
        "rule_sets": sets,
        "baselines": {name: scores(played, name, days) for name in _BASELINES},
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
    names = {name: side["names_the_cause"] for name, side in sides.items()}
    rows.append({"kind": "names the cause"} | {name: "-" if at is None else f"{at:.0%}" for name, at in names.items()})
    for part in ("false_pages_per_series_week", "false_warnings_per_series_day"):
        rows.append({"kind": part} | {name: f"{side[part]:.2f}" for name, side in sides.items()})
    return rows


def _cell(found: dict[str, Any]) -> str:
    if not found["detected"]:
        return "-"
    return f"{found['detected']:.0%}, {found['delay_p50_s']:,.0f} / {found['delay_p90_s']:,.0f} s"


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--seeds", type=int, default=20, help="a third of them, at least one, is held out")
    parser.add_argument("--days", type=float, default=14.0, help="simulated days of each seed")
    parser.add_argument("--services", type=int, default=6)
    parser.add_argument("--rate", type=float, default=6.0, help="calls per second of all services of a seed")
    parser.add_argument("--jobs", type=int, default=1, help="processes, each with a part of the seeds")
    parser.add_argument("--rules", type=Path, action="append", default=[], help="a rule file to judge by, too")
    parser.add_argument("--only", action="append", default=[], help="rule sets to judge by, instead of all")
    options = parser.parse_args()
    size = Size(options.services, options.rate, options.days)
    known = RULE_SETS | {path.stem: path for path in options.rules}
    rule_sets = {name: path for name, path in known.items() if not options.only or name in (*options.only, FIXED)}
    tuning, held_out = seeds_of(options.seeds)
    seeds = [*tuning, *held_out]
    parts = [seeds[at :: options.jobs] for at in range(options.jobs)]
    with ProcessPoolExecutor(options.jobs, mp_context=get_context("spawn")) as pool:
        of_parts = list(pool.map(partial(play, size=size, rule_sets=rule_sets, tell=True), parts))
    played = sorted((one for part in of_parts for one in part), key=lambda one: one.seed)
    names = [name for name in rule_sets if name not in _BASELINES]
    result = result_of(played[len(tuning) :], names, size.days) | {
        "tuning": result_of(played[: len(tuning)], names, size.days),
        "ran": {
            **vars(size),
            "tuning_seeds": tuning,
            "held_out_seeds": held_out,
            "calls": sum(one.calls for one in played),
            "days_per_minute": round(60 * size.days * len(played) / sum(one.seconds for one in played), 2),
            "cpu_s": {part: round(sum(one.spent[part] for one in played), 1) for part in played[0].spent},
        },
    }
    for name, part in (("tuning", result["tuning"]), ("held out", result)):
        report("incidents_table", table(part), title=f"Incidents, {name} seeds", notes=json.dumps(result["ran"]))
        if part["missed"]:
            report("incidents_missed", part["missed"], title=f"Not seen in time by {names[0]}, {name} seeds")
    draw(result, FOLDER / "incidents.png")
    (FOLDER / "incidents.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
