"""Every benchmark, one after the other, each in a process of its own: `python -m tests.bench.all`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ORDER = ("emit", "sink", "rollup")


def benchmarks() -> list[str]:
    """The programs of this folder: those of ORDER first, then the rest by name."""
    modules = (path for path in Path(__file__).parent.glob("*.py") if path.name != "all.py")
    found = {path.stem for path in modules if 'if __name__ == "__main__"' in path.read_text()}
    return [name for name in ORDER if name in found] + sorted(found - set(ORDER))


def main() -> None:
    """Run all; the exit code is 1 when one failed."""
    failed = []
    for name in benchmarks():
        print(f"== {name}", flush=True)
        if subprocess.run([sys.executable, "-m", f"tests.bench.{name}"], check=False).returncode:
            failed.append(name)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
