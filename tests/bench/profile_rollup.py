"""Which step of a rollup worker needs how much CPU: `python -m tests.bench.profile_rollup [--series 80] [--calls N]`.

The real worker reads a topic that is there, once as it is and once watched by `tests.bench.sampler`. The table has each
step's share of the CPU and its CPU seconds per million calls (the shares applied to what the unwatched worker needed),
and beside it what the client alone needs to fetch the same records.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from callgauge.settings import Settings
from callgauge_deploy.topics import ensure_topics
from tests.bench.growth_points import SETS
from tests.bench.pace import publish
from tests.bench.process import cores, on_core
from tests.bench.reading import Reading
from tests.bench.report import report
from tests.bench.rollup import CALLS_PER_S, GROUPINGS, read_aiokafka
from tests.bench.sampler import sampled_command
from tests.bench.stream import Message, repeated, templates_of
from tests.bench.wide_stream import wide_templates
from tests.bench.worker import PATIENCE, read_rollup, worker_on_its_core
from tests.brokers import start_broker
from tests.chaos.pipeline import pipeline_settings, role_command

__all__ = ["table_of"]

_WIDE_PER_S = 20_000.0


def calls_of(series: int, count: int) -> Iterator[Message]:
    """The stream of the throughput benchmarks for 80 series, that of the growth benchmark for others."""
    if series == 80:
        span_s = 50_000 / CALLS_PER_S
        return repeated(templates_of(span_s), span_s, count)
    stretch, span_s = wide_templates(series, 545, _WIDE_PER_S)
    return repeated(stretch, span_s, count)


def table_of(used: Mapping[str, float], plain: Reading) -> list[dict[str, object]]:
    """The steps, the dearest first, and their sum."""
    total = sum(used.values())
    rows: list[dict[str, object]] = [
        {"step": step, "share": seconds / total, "cpu_s_per_million": seconds / total * plain.cpu_s_per_million}
        for step, seconds in sorted(used.items(), key=lambda item: -item[1])
    ]
    return [*rows, {"step": "all", "share": 1.0, "cpu_s_per_million": plain.cpu_s_per_million}]


def watched_worker(settings: Settings, count: int, folder: Path, core: int) -> Mapping[str, float]:
    """CPU seconds by step; what was used before the worker had its partitions is taken off."""
    out, before = folder / "steps.json", {}

    def on_start() -> None:
        before.update(json.loads(out.read_text()))

    _python, _m, module, *arguments = role_command("rollup")
    command = on_core(core, sampled_command(out, module, *arguments))
    read_rollup(settings.model_copy(update={"group_prefix": f"{settings.group_prefix}w"}), count, command, on_start)
    used: dict[str, float] = json.loads(out.read_text())
    return {step: left for step, seconds in used.items() if (left := seconds - before.get(step, 0.0)) > 0}


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--series", type=int, default=80)
    parser.add_argument("--calls", type=int, default=1_000_000)
    options = parser.parse_args()
    command = worker_on_its_core()
    with start_broker("tansu") as broker, tempfile.TemporaryDirectory(prefix="callgauge-bench-") as name:
        settings = pipeline_settings(
            broker.bootstrap,
            Path(name),
            **PATIENCE,
            partitions=4,
            windows_partitions=4,
            block_offsets=65_536,
            groupings=GROUPINGS if options.series == 80 else " ".join(SETS[:5]),
            series_cap=max(2_000, options.series),
        )
        ensure_topics(settings)
        publish(settings, calls_of(options.series, options.calls))
        bare = asyncio.run(read_aiokafka(settings, options.calls))
        plain = read_rollup(settings, options.calls, command)
        used = watched_worker(settings, options.calls, Path(name), cores()[-1])
    rows = table_of(used, plain)
    rows.append({"step": "bare aiokafka getmany", "share": None, "cpu_s_per_million": bare.cpu_s_per_million})
    report(
        f"profile_rollup_{options.series}",
        rows,
        title=f"CPU of a rollup worker by step, {options.calls:,} calls, {options.series:,} series, on tansu",
        notes=f"unwatched: {plain.per_s:,.0f} calls/s; bare getmany makes an object of each record, the worker none",
    )


if __name__ == "__main__":
    main()
