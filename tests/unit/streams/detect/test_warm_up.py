"""After the warm-up a worker compiles nothing more: a second of that in the middle of its work would be missed."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import random, sys
from pathlib import Path

from callgauge_rules.rules import bind, load_rules
from callgauge_streams.detect.engine import Engine
from callgauge_streams.detect.warm_up import warm_up
from callgauge_windows.grouping import parse_groupings
from callgauge_windows.row_batch import RowBatch
from callgauge_windows.row_batch_wire import decode_rows
from callgauge_windows.row_batch_writing import encode_rows
from tests.signatures import signatures
from tests.unit.streams.detect.test_batches import random_log

warm_up()
before = signatures("callgauge_")
assert len(before) > 10, before
limits = [rule for rule in load_rules(Path("seeds")) if rule.detector == "threshold"]
rules = bind(load_rules(None) + limits, parse_groupings("model@10s service@10s"))
alerts = 0
for seed in range(int(sys.argv[1])):
    engine = Engine(rules, source_timeout_ms=60_000, live_from=0)
    for offset, clock, each in random_log(random.Random(seed)):
        record = decode_rows(encode_rows(RowBatch.of_rows(each))) if isinstance(each, list) else each
        alerts += len(engine.take(offset, clock, record))
    if seed % 2:
        for offset, clock, each in random_log(random.Random(seed)):
            for row in each if isinstance(each, list) else []:
                engine.take(offset, clock, row)
assert alerts
print(sorted(signatures("callgauge_") - before))
"""


@pytest.mark.long
def test_nothing_is_compiled_later(long: bool) -> None:
    """Whatever comes: batches of many rows and of one, rows of the time before batches, takeovers, jumps of hours."""
    command = [sys.executable, "-c", PROGRAM, "20" if long else "6"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert (done.stdout, done.returncode) == ("[]\n", 0), done.stderr
