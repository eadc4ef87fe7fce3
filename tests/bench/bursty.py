"""Novelty on bursty traffic: `python -m tests.bench.bursty FOLDER`.

FOLDER holds `servegen/` and `burstgpt_aggregates/`; the series are those of detection/bursty_series.py. Nothing is
known to be wrong in them, so an alarm is false, but while a recorded gap empties the whole model. Then the same series
with four planted incidents each: an incident is found when an alarm falls into it, and precision is the share of the
incidents found among these and the false alarms beside them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from callgauge_detectors.novelty import Novelty, NoveltyConfig
from callgauge_detectors.verdict import Detector
from tests.bench.detect_data import Series
from tests.bench.detection.bursty_series import INCIDENT_WINDOWS, INCIDENTS, bursty_series, planted
from tests.bench.nab import FORMS
from tests.bench.report import Row, report

__all__ = ["Tally", "alarms_of", "row_of", "tally_of"]

#: A series of so many windows is not judged: what it is like is not known yet.
UNJUDGED = 750

Flagged = Callable[[Series], Sequence[int]]


@dataclass
class Tally:
    """What was said about a set of series.

    Attributes:
        false: alarms in the series as they were.
        in_gaps: alarms beside those, while the whole model had no traffic.
        false_beside: alarms in the series with incidents, outside of these and of gaps.
        found: how often each incident was found.
    """

    series: int
    weeks: float
    false: int
    in_gaps: int
    false_beside: int
    found: Mapping[str, int]

    @property
    def precision(self) -> float:
        found = sum(self.found.values())
        return found / max(found + self.false_beside, 1)


def alarms_of(detector: Detector, series: Series) -> list[int]:
    """Indexes at which a new detector says that something is wrong."""
    levels = [detector.update(value, at_ms).level for at_ms, value in series.points]
    return [i for i, level in enumerate(levels) if level != "none"]


def tally_of(sets: Iterable[Series], flagged: Flagged) -> Tally:
    """Each series as it is and with its incidents."""
    count, weeks, false, in_gaps, beside = 0, 0.0, 0, 0, 0
    found = dict.fromkeys(INCIDENTS, 0)
    for series in sets:
        count += 1
        weeks += series.weeks * (1 - UNJUDGED / len(series.points))
        quiet = [series.points[i][0] in series.gaps for i in flagged(series) if i >= UNJUDGED]
        in_gaps += sum(quiet)
        false += len(quiet) - sum(quiet)
        changed, begins = planted(series)
        alarms = [i for i in flagged(changed) if i >= UNJUDGED and series.points[i][0] not in series.gaps]
        inside = {name: [i for i in alarms if 0 <= i - first < INCIDENT_WINDOWS] for name, first in begins.items()}
        beside += len(alarms) - sum(len(each) for each in inside.values())
        for name, each in inside.items():
            found[name] += bool(each)
    return Tally(count, weeks, false, in_gaps, beside, found)


def row_of(tally: Tally) -> Row:
    """A row of the table."""
    return {
        "series": tally.series,
        "weeks": round(tally.weeks, 1),
        "false": tally.false,
        "in_gaps": tally.in_gaps,
        "false_per_series_week": tally.false / tally.weeks,
        **{f"found: {name}": count for name, count in tally.found.items()},
        "false_beside": tally.false_beside,
        "precision_%": 100 * tally.precision,
    }


def _rows(folder: Path) -> Iterable[Row]:
    sets = bursty_series(folder)
    for form, config_of in FORMS.items():
        config: NoveltyConfig = config_of()
        for name, of_set in sets.items():
            tally = tally_of(of_set, lambda series, config=config: alarms_of(Novelty(config), series))  # type: ignore[misc]
            yield {"set": name, "novelty": form, **row_of(tally)}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("folder", type=Path)
    report("bursty", list(_rows(parser.parse_args().folder)), title="Novelty on bursty traffic")


if __name__ == "__main__":
    main()
