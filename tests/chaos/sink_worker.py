"""The sinks of calls and dead letters, without the others: `python -m tests.chaos.sink_worker`."""

from __future__ import annotations

from callgauge.settings import load_settings
from callgauge_sinks.app import run

if __name__ == "__main__":
    run(load_settings(), names=("calls", "dead"))
