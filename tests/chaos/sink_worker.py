"""The sink of calls and that of dead letters in one process: `python -m tests.chaos.sink_worker`."""

from __future__ import annotations

from callgauge.settings import load_settings
from callgauge_sinks.app import run

if __name__ == "__main__":
    run(load_settings(), names=("calls", "dead"))
