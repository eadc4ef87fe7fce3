"""How `callgauge status` looks, and when it says that all runs."""

from __future__ import annotations

import json
from dataclasses import replace

from callgauge_deploy.status.facts import Lag, ProcessFact, ServiceFact, StackFacts
from callgauge_deploy.status.shown import json_of, lines_of

START_S = 1_767_268_800.0  # 2026-01-01 12:00:00 UTC
ALL = StackFacts(
    folder="/data",
    held=True,
    bus="127.0.0.1:9092",
    store="chdb:///data/clickhouse",
    api="http://127.0.0.1:22550",
    gateway="http://127.0.0.1:4318",
    log="/data/callgauge.log",
    processes=(
        ProcessFact("stack", 1, "running", START_S),
        ProcessFact("rollup", 12_345, "running", START_S + 60.0),
    ),
    lags=(
        Lag("callgauge-rollup", "llm.calls", 0, committed=65_536, end=70_000, unprocessed=3),
        Lag("callgauge-sink-dead", "llm.dead", 0, committed=None, end=7),
    ),
)


def test_a_stack_that_runs() -> None:
    """Where it is, what runs since when, how far each group is, and the verdict as the last line."""
    assert lines_of(ALL, START_S + 3_725.0) == [
        "folder     /data",
        "bus        127.0.0.1:9092",
        "store      chdb:///data/clickhouse",
        "console    http://127.0.0.1:22550",
        "gateway    http://127.0.0.1:4318",
        "log        /data/callgauge.log",
        "",
        "process  pid    state    since (UTC)          for",
        "stack    1      running  2026-01-01 12:00:00  1h 2m",
        "rollup   12345  running  2026-01-01 12:01:00  1h 1m",
        "",
        "group                topic      partition  committed     end    lag  unprocessed",
        "callgauge-rollup     llm.calls          0     65,536  70,000  4,464            3",
        "callgauge-sink-dead  llm.dead           0          -       7      -            -",
        "lag: records after what is committed; unprocessed: records that the worker is not done with",
        "",
        "all processes run",
    ]
    assert ALL.all_run


def test_services() -> None:
    """Who is alive, and how much was lost on the way to the bus."""
    services = (ServiceFact("chat", 2, 0, 12_345, 0, 0, 0), ServiceFact("", 0, 1, 9, 4, 1, 7))
    lines = lines_of(replace(ALL, lags=(), services=services), START_S)
    assert lines[-6:] == [
        "service    alive  silent  emitted  dropped  failed  on disk",
        "chat           2       0   12,345        0       0        0",
        "(no name)      0       1        9        4       1        7",
        "processes that tell of calls, and what became of the calls in the last week",
        "",
        "all processes run",
    ]


def test_a_process_that_does_not_run() -> None:
    """It has no time, its last error is told, and the verdict names it."""
    dead = ProcessFact("rollup", 7, "ended", START_S, "ValueError: \x1b[31mred " + "x" * 300)
    slow = ProcessFact("sinks", 8, "starting", START_S)
    facts = replace(ALL, processes=(*ALL.processes[:1], dead, slow), lags=())
    lines = lines_of(facts, START_S + 9.0)
    assert lines[8:] == [
        "stack    1    running   2026-01-01 12:00:00  9s",
        "rollup   7    ended",
        "sinks    8    starting  2026-01-01 12:00:00  9s",
        "",
        "last errors in the log",
        "  rollup: ValueError: \\x1b[31mred " + "x" * (200 - len("ValueError: \x1b[31mred ")) + "…",
        "",
        "rollup does not run and will be started again; sinks is not ready yet",
    ]
    assert not facts.all_run


def test_what_could_not_be_found_out() -> None:
    """Is told, and is not all right."""
    facts = replace(ALL, lags=(), problems=("the bus does not answer",))
    assert lines_of(facts, START_S)[-2:] == [
        "problem: the bus does not answer",
        "all processes run, but not everything could be found out",
    ]
    assert not facts.all_run


def test_nothing_runs() -> None:
    """One sentence that says where it looked and what to do."""
    facts = StackFacts("/da\x07ta")
    assert lines_of(facts, 0.0) == [
        "nothing runs on /da\\x07ta: start with `callgauge up`, or name its folder in CALLGAUGE_DATA_DIR"
    ]
    assert not facts.all_run


def test_a_stack_that_is_starting() -> None:
    """It holds the folder and has not told yet where it is."""
    facts = StackFacts("/data", held=True, log="/data/callgauge.log")
    assert lines_of(facts, 0.0) == ["a stack is starting on /data; its log is /data/callgauge.log"]
    assert not facts.all_run


def test_json_holds_everything() -> None:
    """With the lag computed, and whether all runs."""
    told = json.loads(json.dumps(json_of(ALL)))
    assert told["all_run"] is True
    assert told["processes"][1] == {
        "name": "rollup",
        "pid": 12_345,
        "state": "running",
        "since_s": START_S + 60.0,
        "last_error": None,
    }
    assert told["lags"] == [
        {
            "group": "callgauge-rollup",
            "topic": "llm.calls",
            "partition": 0,
            "committed": 65_536,
            "end": 70_000,
            "lag": 4_464,
            "unprocessed": 3,
        },
        {
            "group": "callgauge-sink-dead",
            "topic": "llm.dead",
            "partition": 0,
            "committed": None,
            "end": 7,
            "lag": None,
            "unprocessed": None,
        },
    ]


def test_a_group_without_commits_is_not_behind_an_empty_partition() -> None:
    """There is nothing to read."""
    assert Lag("g", "t", 0, committed=None, end=0).lag == 0
    assert Lag("g", "t", 0, committed=9, end=7).lag == 0
