"""What a service pays at its start: `python -m tests.bench.import_time [rounds]`.

Each round starts a Python for each step, one after the other, so that a busy machine slows all of them alike.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from statistics import median

from tests.bench.report import report

__all__ = ["rows_of"]

#: What is measured -> the program; each includes the start of Python. No broker is needed.
STEPS = {
    "python": "pass",
    "import callgauge": "import callgauge",
    "from callgauge import Gauge": "from callgauge import Gauge",
    "Gauge()": "from callgauge import Gauge; Gauge()",
}


def seconds_of(program: str) -> float:
    """How long a new Python takes to run `program`."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True)
    return time.perf_counter() - start


def rows_of(taken_s: Mapping[str, Sequence[float]]) -> list[dict[str, object]]:
    """A row for each step, from its rounds; the first step is what the others are compared with."""
    base = median(next(iter(taken_s.values())))
    return [
        {
            "step": step,
            "median_ms": median(rounds) * 1e3,
            "min_ms": min(rounds) * 1e3,
            "max_ms": max(rounds) * 1e3,
            "more_than_python_ms": (median(rounds) - base) * 1e3,
            "times_python": median(rounds) / base,
        }
        for step, rounds in taken_s.items()
    ]


def main(rounds: int = 15) -> None:
    """Measure and report; a first round, which fills the caches, is not counted."""
    taken_s: dict[str, list[float]] = {step: [] for step in STEPS}
    for number in range(rounds + 1):
        for step, program in STEPS.items():
            seconds = seconds_of(program)
            if number:
                taken_s[step].append(seconds)
    report("import_time", rows_of(taken_s), title="Start of a service", notes=f"{rounds} rounds")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
