"""A service whose broker is away: memory, disk and what is lost: `python -m tests.bench.away [seconds] [calls/s]`.

Nothing listens at the broker's address. One run without a folder to spill to, one with; each in a process of its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from callgauge import Gauge, load_settings
from tests.bench.report import report

CALL = {"model": "gpt-4o", "provider": "openai", "latency_ms": 812.0, "input_tokens": 420, "output_tokens": 96}


def host(seconds: float, per_s: int, folder: str) -> dict[str, object]:
    """Emit steadily; what the process looked like at the end of the first tenth and at its largest after that."""
    settings = load_settings(
        service="bench", bootstrap_servers="127.0.0.1:1", spill_dir=folder or None, spill_mb=64 if folder else 1
    )
    me, gauge = psutil.Process(), Gauge(settings)
    start, emitted, early, peak = time.monotonic(), 0, 0, 0
    while (passed := time.monotonic() - start) < seconds:
        while emitted < passed * per_s:
            gauge.emit(CALL)
            emitted += 1
        memory = me.memory_info().rss
        early, peak = (memory, peak) if passed < seconds / 10 else (early, max(peak, memory))
        time.sleep(0.01)
    stats, disk = gauge.stats, sum(path.stat().st_size for path in Path(folder).glob("*.spill")) if folder else 0
    closing = time.monotonic()
    lost = gauge.close(5.0)
    return {
        "spill": "64 MiB" if folder else "none",
        "seconds": seconds,
        "calls": emitted,
        "early_mb": early / 1e6,
        "peak_mb": peak / 1e6,
        "disk_mb": disk / 1e6,
        "dropped": stats.dropped,
        "spilled": gauge.stats.spilled,
        "lost_at_close": lost,
        "close_s": time.monotonic() - closing,
    }


def main(seconds: float = 20.0, per_s: int = 5_000) -> None:
    """Measure and report."""
    rows = []
    with tempfile.TemporaryDirectory(prefix="callgauge-bench-") as folder:
        for chosen in ("", folder):
            command = [sys.executable, "-m", "tests.bench.away", "host", str(seconds), str(per_s), chosen]
            rows.append(json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout))
    report("away", rows, title="A service whose broker is away", notes="nothing listens at the broker's address")


if __name__ == "__main__":
    if sys.argv[1:2] == ["host"]:
        print(json.dumps(host(float(sys.argv[2]), int(sys.argv[3]), sys.argv[4])))
    else:
        main(*(kind(text) for kind, text in zip((float, int), sys.argv[1:], strict=False)))
