"""The schema on a cluster: each statement of a migration as a cluster needs it. Pure.

A table becomes two: `<table>_local` on every shard, replicated, and `<table>`, Distributed over them, under the name
that everybody asks. Rows of one key must lie on one shard, since FINAL looks no further: what they are sharded by is
part of the key. Replicas find each other by the macros {shard} and {replica} of the servers.

A cluster begins empty. So what 0005 and 0063 do to move the rows of older stores into a table with another engine or
key is done by making the table like that at once, and statements behind a condition (`-- when:`) are left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from callgauge.errors import SettingError

__all__ = ["SHARDED_BY", "local_name", "on_cluster"]

#: Table -> what decides on which shard a row lies. Of the others it is the whole key: right, but scattered.
SHARDED_BY = {
    "calls": "cityHash64(event_id)",
    **{f"{base}{tier}": "series_id" for base in ("windows", "score_windows") for tier in ("", "_1m", "_1h", "_1d")},
    "usage": "cityHash64(user_id)",
    "usage_1h": "cityHash64(user_id)",
    "usage_1d": "cityHash64(user_id)",
    **{f"window_counts_{tier}": "cityHash64(grouping)" for tier in ("1m", "1h", "1d")},
    "trace_days": "trace",
    "calls_1h": "toUnixTimestamp(hour)",
    "block_summaries": "cityHash64(source)",
    "epochs": "cityHash64(source)",
    "stored_offsets": "cityHash64(source)",
    "alerts": "cityHash64(fingerprint)",
}

_CREATE = re.compile(
    r"CREATE TABLE IF NOT EXISTS (\w+) (\(.*)\) ENGINE = (\w*MergeTree)(?:\((\w+)\))?\n(.*)", re.DOTALL
)
_MATERIALIZED = re.compile(
    r"CREATE MATERIALIZED VIEW IF NOT EXISTS (\w+) TO (\w+) AS\n(.* FROM )(\w+)( WHERE [^()]*)?", re.DOTALL
)
_ALTER = re.compile(r"ALTER TABLE (\w+)(\s.*)", re.DOTALL)
_VIEW = re.compile(r"CREATE (OR REPLACE )?(VIEW|FUNCTION) (IF NOT EXISTS )?(\w+) AS\b(.*)", re.DOTALL)
_ORDER = re.compile(r"ORDER BY (\([^)]*\)|\w+)")
#: Changes of columns concern the Distributed table too; of codecs, indexes, settings and times to live it has none.
_OF_COLUMNS = re.compile(r"\s+(ADD COLUMN|MODIFY COLUMN)\b(?!.*\bCODEC\b)", re.DOTALL)

#: What 0005 adds to `calls`.
_CALLS_SINCE_0005 = """,
    source LowCardinality(String) COMMENT 'cluster id / topic id / partition',
    version UInt128 MATERIALIZED bitOr(
        bitShiftLeft(toUInt128(9223372036854775807 - kafka_offset), 64),
        toUInt128(if(source = '', 0, greatest(sipHash64(source), 1)))
    ) COMMENT 'the lowest offset wins'
"""

#: Table -> its key and settings since 0063.
_KEYS_SINCE_0063 = {
    "windows_1d": "ORDER BY (grouping, series_id, window_start)\nSETTINGS index_granularity = 128",
}


def local_name(table: str, cluster: str) -> str:
    """The table that holds rows, as it stands after ALTER TABLE.

    >>> local_name("calls", ""), local_name("calls", "main")
    ('calls', "calls_local ON CLUSTER 'main'")
    """
    return f"{table}_local ON CLUSTER '{cluster}'" if cluster else table


def on_cluster(sql: str, cluster: str) -> Iterator[str]:
    """A statement of a migration as the statements that a cluster needs. Each may be run twice.

    Raises:
        SettingError: it is of a kind that this does not know; the migration must say how a cluster does it.
    """
    if found := _CREATE.fullmatch(sql.strip()):
        yield from _tables(*found.groups(default=""), cluster=cluster)
    elif found := _VIEW.fullmatch(sql.strip()):
        replace, kind, if_missing, name, body = found.groups(default="")
        yield f"CREATE {replace}{kind} {if_missing}{name} ON CLUSTER '{cluster}' AS{body}"
    elif found := _MATERIALIZED.fullmatch(sql.strip()):
        # Each shard fills its part from what is stored on it.
        name, target, columns, origin, condition = found.groups(default="")
        yield (
            f"CREATE MATERIALIZED VIEW IF NOT EXISTS {name} ON CLUSTER '{cluster}' TO {target}_local AS\n"
            f"{columns}{origin}_local{condition}"
        )
    elif found := _ALTER.fullmatch(sql.strip()):
        table, change = found.groups()
        yield f"ALTER TABLE {local_name(table, cluster)}{change}"
        if _OF_COLUMNS.match(change):
            yield f"ALTER TABLE {table} ON CLUSTER '{cluster}'{change}"
    elif sql.startswith("DROP "):
        yield f"{sql} ON CLUSTER '{cluster}'"
    else:
        raise SettingError(
            f"a cluster cannot be migrated by {sql.splitlines()[0][:60]!r}: say in cluster.py how it can"
        )


def _tables(table: str, columns: str, engine: str, version: str, rest: str, *, cluster: str) -> Iterator[str]:
    if table in _KEYS_SINCE_0063:
        rest = _ORDER.sub(_KEYS_SINCE_0063[table], rest)
    found = _ORDER.search(rest)
    key = found[1].strip("()") if found else "0"
    sharded_by = SHARDED_BY.get(table) or f"cityHash64({key})"
    if table == "calls":
        columns, version = columns.rstrip() + _CALLS_SINCE_0005, "version"
    path = f"'/clickhouse/tables/{{shard}}/{{database}}/{table}_local', '{{replica}}'"
    arguments = f"({path}, {version})" if version else f"({path})"
    yield (
        f"CREATE TABLE IF NOT EXISTS {table}_local ON CLUSTER '{cluster}' {columns}) "
        f"ENGINE = Replicated{engine}{arguments}\n{rest}"
    )
    yield (
        f"CREATE TABLE IF NOT EXISTS {table} ON CLUSTER '{cluster}' AS {table}_local "
        f"ENGINE = Distributed('{cluster}', currentDatabase(), {table}_local, {sharded_by})"
    )
