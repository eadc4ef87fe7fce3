"""Long runs: how many of N random histories differ from a recount of their log, and the first few of them.

python -m tests.model 20000                       # from history 0 on
python -m tests.model 1000 --from 5000
python -m tests.model 1000 --without without_terms    # with a rule of the product switched off
"""

from __future__ import annotations

import argparse
import logging
import random
from contextlib import nullcontext

from tests.model.history import Setup, Step, random_setup, random_steps
from tests.model.mutations import MUTATIONS
from tests.model.verdict import faults_after

_SHOWN = 5


def main() -> None:
    """Play the histories, print what is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.model", description="Random histories without Kafka.")
    parser.add_argument("histories", type=int)
    parser.add_argument("--from", dest="first", type=int, default=0, help="number of the first history")
    parser.add_argument("--without", choices=[rule.__name__ for rule in MUTATIONS], help="a rule to switch off")
    arguments = parser.parse_args()
    logging.disable(logging.CRITICAL)
    mutation = next((rule for rule in MUTATIONS if rule.__name__ == arguments.without), nullcontext)
    wrong = 0
    with mutation():
        for seed in range(arguments.first, arguments.first + arguments.histories):
            rng = random.Random(seed)
            setup, steps = random_setup(rng), random_steps(rng)
            if faults_after(setup, steps):
                wrong += 1
                if wrong <= _SHOWN:
                    shorter = _shortened(setup, steps)
                    print(f"history {seed}: {setup}", *shorter, *faults_after(setup, shorter)[:3], sep="\n    ")
    print(f"{wrong} of {arguments.histories} histories differ from a recount")


def _shortened(setup: Setup, steps: list[Step]) -> list[Step]:
    """Without the steps that the fault does not need."""
    size = max(len(steps) // 2, 1)
    while size:
        at = 0
        while at < len(steps):
            rest = steps[:at] + steps[at + size :]
            if faults_after(setup, rest):
                steps = rest
            else:
                at += size
        size //= 2
    return steps


if __name__ == "__main__":
    main()
