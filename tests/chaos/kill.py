"""kill -9 in the middle of 200,000 calls: workers in one run, the sinks in another; then everything is counted again.

    python -m tests.chaos.kill --broker kafka --kills 5
    python -m tests.chaos.kill --broker tansu --calls 50000

Two of the scenarios of `python -m tests.chaos`, at another size. The exit code is 1 unless both pass.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from tests.brokers import start_broker
from tests.chaos.report import show
from tests.chaos.run import Outcome, run
from tests.chaos.scenarios import MANY, plan

_FOLDER = Path(__file__).parents[2] / "build" / "chaos"


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.kill", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--broker", choices=("kafka", "tansu"), default="kafka")
    parser.add_argument("--kills", type=int, default=MANY.kills, help="in each run")
    parser.add_argument("--calls", type=int, default=MANY.calls, help="in each run, at least so many")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def main() -> None:
    """Run, print, exit."""
    options = arguments()
    size = replace(MANY, kills=options.kills, calls=options.calls)
    with start_broker(options.broker) as broker:
        outcomes = [
            run(broker, plan(name, size), seed=options.seed, folder=_FOLDER / name)
            for name in ("kill-rollup", "kill-sinks")
        ]
    show(outcomes, f"{options.kills} times kill -9 on {options.broker}, seed {options.seed}")
    for outcome in outcomes:
        print(f"{outcome.plan.name}: {_counted(outcome)}")
    sys.exit(any(outcome.verdict != "pass" for outcome in outcomes))


def _counted(outcome: Outcome) -> str:
    if outcome.audit is None:
        return outcome.verdict
    found = outcome.audit.verdict
    return f"missing {found.missing}, duplicates {found.duplicates}, wrong windows {len(found.wrong_windows)}"


if __name__ == "__main__":
    main()
