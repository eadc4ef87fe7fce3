"""Every benchmark, one after the other, each in a process of its own: `python -m tests.bench.all`."""

from __future__ import annotations

import subprocess
import sys

#: `nab` is not here: `detect` runs it.
BENCHMARKS = (
    *("import_time", "emit", "away", "redact", "instrument", "gateway", "sink", "rollup", "growth", "scaling"),
    *("latency", "encodings", "disk", "history"),
    *("detect_engine", "detect"),
)


def main() -> None:
    """Run all; the exit code is 1 when one failed."""
    failed = []
    for name in BENCHMARKS:
        print(f"== {name}", flush=True)
        if subprocess.run([sys.executable, "-m", f"tests.bench.{name}"], check=False).returncode:
            failed.append(name)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
