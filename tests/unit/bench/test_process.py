"""A measured process: its core and its peak memory."""

import subprocess
import sys

from tests.bench.process import cores, on_core, peak_mb

ALLOCATE = "x = bytearray(80_000_000); x[::4096] = b'1' * len(x[::4096]); del x; print('done', flush=True); input()"


def test_a_process_is_on_one_core_from_the_start() -> None:
    """Whatever its parent may use."""
    core = cores()[-1]
    command = on_core(core, [sys.executable, "-c", "import os; print(os.sched_getaffinity(0))"])
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == f"{{{core}}}"


def test_peak_memory_outlives_its_use() -> None:
    """What was freed counts, what the parent uses does not."""
    with subprocess.Popen([sys.executable, "-c", ALLOCATE], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"done\n"
        assert 80 < peak_mb(process.pid) < 160
        process.kill()
