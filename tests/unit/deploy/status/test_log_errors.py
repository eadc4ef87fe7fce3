"""Which line of a log is an error."""

from __future__ import annotations

from pathlib import Path

import pytest

from callgauge_deploy.process_log import ProcessLog
from callgauge_deploy.status.log_errors import last_errors, read_last_errors


@pytest.mark.parametrize(
    "line",
    [
        "[2026-11-28 08:09:00,753] [11237] [ERROR] [^Worker]: Error: boom",
        "2026-11-28 08:09:00,753 CRITICAL callgauge_sinks.sink: boom",
        "2026-11-28T08:09:00.753Z ERROR tansu: boom",
        "%3|1795853532.9|FAIL|rdkafka#producer-1| [thrd:x]: boom",
        "callgauge_streams.errors.BrokenChain: boom",
        "KeyError: 'x'",
        "callgauge: error: CALLGAUGE_STORE: boom",
        "sink calls: cannot insert into calls",
        "rollup was killed by signal 9; starting it again in 0.5 s",
        "rollup ended with exit code 1; starting it again in 0.5 s",
    ],
)
def test_errors(line: str) -> None:
    """Of Python's logging, Faust, tansu, librdkafka, a traceback, a command, a worker, the supervisor."""
    assert last_errors([f"rollup  | {line}"]) == {"rollup": line}


@pytest.mark.parametrize(
    "line",
    [
        "[2026-11-28 08:09:00,753] [11237] [INFO] [^Worker]: Starting... ",
        "2026-11-28 08:09:00,753 WARNING callgauge_sinks.sink: an error was seen",
        "%5|1795853532.9|REQTMOUT|rdkafka#producer-1| boom",
        "ready: sink calls, sink scores",
        "listening on: tcp://127.0.0.1:9092",
    ],
)
def test_no_errors(line: str) -> None:
    """What only informs or warns."""
    assert last_errors([f"rollup  | {line}", line]) == {}


def test_the_last_one_of_each_process(tmp_path: Path) -> None:
    """From the log as the stack writes it; no log, no errors."""
    assert read_last_errors(tmp_path / "callgauge.log") == {}
    log = ProcessLog(tmp_path / "callgauge.log")
    for name, line in (
        ("rollup", "KeyError: 1"),
        ("detect", "KeyError: 2"),
        ("rollup", "KeyError: 3"),
        ("tansu", "ok"),
    ):
        log.write(name, line)
    log.close()
    assert read_last_errors(log.path) == {"rollup": "KeyError: 3", "detect": "KeyError: 2"}
