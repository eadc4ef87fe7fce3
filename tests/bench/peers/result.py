"""Readings of several rounds as a table and as the figures that are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.bench.reading import Reading, median_reading

__all__ = ["ONE_SET", "OURS", "WHOLE_CORE", "Figures", "figures_of", "ratios_of", "rows_of"]

OURS, ONE_SET = "callgauge", "callgauge_one_set"
#: A reader that had less of its core than this waited for most of the rest.
WHOLE_CORE = 0.9
REMARKS = {
    OURS: "five grouping sets",
    ONE_SET: "the peers' grouping set alone",
    "aiokafka_getmany": "a limit: it only reads",
    "confluent_consume": "a limit: it only reads",
    "flink_sql": "no percentiles",
}

Figures = dict[str, dict[str, float]]


def figures_of(readings: Mapping[str, Sequence[Reading]]) -> Figures:
    """Reader to events_per_s, cpu_s_per_million, peak_rss_mb and core_share; without failed readers.

    The first three are medians over its rounds; core_share, the part of its core that it used, follows from them.
    """
    figures = {name: median_reading(rounds) for name, rounds in readings.items() if rounds}
    for own in figures.values():
        own["core_share"] = own["events_per_s"] * own["cpu_s_per_million"] / 1e6
    return figures


def rows_of(figures: Figures, failures: Mapping[str, str]) -> list[dict[str, object]]:
    """A row per reader: its figures and what must be known about them, or why it failed."""
    rows: list[dict[str, object]] = [
        {"reader": name, **own, "remark": _remark(name, own["core_share"])} for name, own in figures.items()
    ]
    failed = [name for name in failures if name not in figures]
    return rows + [{"reader": name, "remark": f"failed: {failures[name].splitlines()[-1]}"} for name in failed]


def ratios_of(figures: Figures) -> list[dict[str, object]]:
    """A row per peer: how many times as fast callgauge is, by the clock (rates) and by CPU time; above 1 it is ahead.

    Once with its usual grouping sets, once with the peers' one. `counts` says which ratios can be believed: those by
    the clock only when all that are compared had their core.
    """
    ours = {name: figures[name] for name in (OURS, ONE_SET) if name in figures}
    rows: list[dict[str, object]] = []
    for name, own in figures.items():
        if name in ours:
            continue
        row: dict[str, object] = {"beside": name}
        for our_name, our in ours.items():
            prefix = "one_set_" if our_name == ONE_SET else ""
            row[f"{prefix}by_clock"] = our["events_per_s"] / own["events_per_s"]
            row[f"{prefix}by_cpu"] = own["cpu_s_per_million"] / our["cpu_s_per_million"]
        whole = all(each["core_share"] >= WHOLE_CORE for each in (own, *ours.values()))
        rows.append(row | {"counts": "clock and CPU" if whole else "CPU"})
    return rows


def _remark(name: str, core_share: float) -> str:
    waited = f"had {core_share:.2f} of its core: its CPU time counts" if core_share < WHOLE_CORE else ""
    return "; ".join(filter(None, (REMARKS.get(name), waited)))
