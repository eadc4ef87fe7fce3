"""The local bus is in memory: started anew on the same data folder it is another source, and overwrites nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from callgauge.settings import Settings
from callgauge_deploy.process import wait_until
from callgauge_deploy.topics import ensure_topics
from tests.brokers import start_broker
from tests.chaos.compare import compare
from tests.chaos.load import Load, Publisher, make_load
from tests.chaos.pipeline import Role, pipeline_settings, query
from tests.oracle import Key

CALLS = 6_000


@contextmanager
def stored_run(settings: Settings, load: Load, calls_in_all: int) -> Iterator[Settings]:
    """A pipeline on a new bus that has stored `load`; ended at the end."""
    with start_broker("tansu") as broker, ExitStack() as stack:
        mine = settings.model_copy(update={"bootstrap_servers": broker.bootstrap})
        ensure_topics(mine)
        roles = [stack.enter_context(Role(name, mine)) for name in ("sinks", "rollup")]
        for role in roles:
            role.wait_ready()
        Publisher(mine, load, per_s=float("inf"), gate=0).publish_all()

        def stored() -> bool:
            for role in roles:
                role.check()
            [[calls]] = query(mine, "SELECT count() FROM calls FINAL")
            counts = query(mine, "SELECT sum(n) FROM windows_final GROUP BY grouping")
            return int(calls) >= calls_in_all and bool(counts) and min(int(n) for [n] in counts) >= calls_in_all

        assert wait_until(stored, 90, poll_s=0.2), "not stored in time"
        yield mine


def both(one: Load, other: Load) -> Load:
    """What two loads make together."""
    windows: dict[Key, Counter[str]] = {
        key: one.windows.get(key, Counter()) + other.windows.get(key, Counter())
        for key in one.windows.keys() | other.windows.keys()
    }
    return Load(one.messages + other.messages, windows, one.cost_nano + other.cost_nano, one.tokens + other.tokens)


def test_a_bus_started_anew_overwrites_nothing(tmp_path: Path) -> None:
    """Two runs over one folder, same topic names, offsets and windows, different calls: both are there in the end."""
    settings = pipeline_settings("127.0.0.1:1", tmp_path)  # each run has a bus of its own
    first, second = make_load(CALLS, seed=1), make_load(CALLS, seed=2)
    with stored_run(settings, first, CALLS) as run:
        sources = query(run, "SELECT DISTINCT source FROM windows_final")
    with stored_run(settings, second, 2 * CALLS) as run:

        def ask(sql: str) -> list[list[Any]]:
            return query(run, sql)

        verdict = compare(ask, both(first, second))
        assert str(verdict) == "missing 0, duplicates 0, wrong windows 0"
        assert verdict.exact
        assert len(ask("SELECT DISTINCT source FROM windows_final")) == len(sources) + 2 == 4
