"""Faults under dirty traffic, and not one call too few or too many.

    python -m tests.chaos                                       all scenarios, on Apache Kafka
    python -m tests.chaos --scenario zombie --seed 7            one of them
    python -m tests.chaos --scenario kill-rollup --broker tansu --short

The table has one line per scenario; build/chaos/chaos.json has each fault, restart and recovery; the processes' logs
are in build/chaos/<scenario>. The exit code is 1 unless all pass.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

from tests.brokers import start_broker
from tests.chaos.report import show, write
from tests.chaos.run import run
from tests.chaos.scenarios import FULL, KAFKA_ONLY, SHORT, Size, faults, plan
from tests.chaos.traffic import Dirt

FOLDER = Path(__file__).parents[2] / "build" / "chaos"


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--scenario", choices=list(faults(FULL)), action="append", help="may be repeated; default: all")
    parser.add_argument("--broker", choices=("kafka", "tansu"), default="kafka")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--short", action="store_true", help="the size of the test suite")
    parser.add_argument("--calls", type=int, help="at least so many")
    parser.add_argument("--frozen", type=float, help="seconds of the long SIGSTOP")
    parser.add_argument("--duplicates", type=float, default=Dirt.again, help="share of the calls that is sent again")
    return parser.parse_args()


def size_of(options: argparse.Namespace) -> Size:
    """The size asked for."""
    size = SHORT if options.short else FULL
    if options.frozen:
        size = replace(size, freezes_s=(options.frozen, *size.freezes_s[1:]))
    return replace(size, calls=options.calls) if options.calls else size


def main() -> None:
    """Run, print, exit."""
    options = arguments()
    size = size_of(options)
    names = options.scenario or [n for n in faults(size) if options.broker == "kafka" or n not in KAFKA_ONLY]
    title = f"chaos on {options.broker}, seed {options.seed}"
    outcomes = []
    with start_broker(options.broker) as broker:
        for name in names:
            chosen = plan(name, size)
            chosen = replace(chosen, dirt=replace(chosen.dirt, again=options.duplicates))
            outcomes.append(run(broker, chosen, seed=options.seed, folder=FOLDER / name))
            write(outcomes, title, FOLDER / "chaos.json")
            print(f"{name}: {outcomes[-1].verdict} ({outcomes[-1].seconds:.0f} s)", file=sys.stderr, flush=True)
    show(outcomes, title)
    sys.exit(any(outcome.verdict != "pass" for outcome in outcomes))


if __name__ == "__main__":
    main()
