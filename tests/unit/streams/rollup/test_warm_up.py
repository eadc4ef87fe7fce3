"""After the warm-up a worker compiles nothing more: a second of that in the middle of its work would be missed."""

from __future__ import annotations

import subprocess
import sys

PROGRAM = """
import random, sys

from callgauge.codec import encode
from callgauge.schema import Call
from callgauge.settings import load_settings
from callgauge_streams.bus.chunk import Chunk
from callgauge_streams.bus.records import Records
from callgauge_streams.rollup.config import RollupConfig
from callgauge_streams.rollup.kinds import CALLS, SCORES
from callgauge_streams.rollup.rows.partitions import messages_of
from callgauge_streams.rollup.source.state_machine import SourceRollup
from callgauge_streams.rollup.warm_up import warm_up
from tests.random_calls import random_call
from tests.random_scores import random_score
from tests.signatures import signatures

warm_up()
before = signatures("callgauge_streams", "callgauge_windows")
assert len(before) > 15, before
rng = random.Random(0)
some = [encode(random_call(rng, str(at), 1000.0 + at / 100)) for at in range(3_000)]
some += [encode(Call(event_id=f"\xe9{at}", ts=1000.0, service="s", feature=str(at))) for at in range(2_000)]
scores = [encode(random_score(rng, str(at), 1000.0)) for at in range(500)]
for kind, values in ((CALLS, [some[0]]), (CALLS, some + some[:100] + [b"{"]), (SCORES, scores)):
    source, at, previous = SourceRollup(RollupConfig.of(load_settings()), "c/t/0", 0, kind=kind), 0, None
    for block in range(2):
        records = Records.joined([Records.of(range(at, at + len(values)), [1_000_000] * len(values), values)])
        closed = source.take(Chunk(0, 0, 0, 0, previous, at, records))
        rows = list(closed.rows) if closed else []
        for batch in rows if kind is CALLS else []:
            list(messages_of(batch, 3))
        at, previous = at + len(values), at + len(values) - 1
    assert rows
print(sorted(signatures("callgauge_streams", "callgauge_windows") - before))
"""


def test_nothing_is_compiled_later() -> None:
    """Whatever comes: few rows and many, ids that are not read out of the bytes, duplicates, dead ones, scores."""
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=300, check=False)
    assert (done.stdout, done.returncode) == ("[]\n", 0), done.stderr
