"""The connection to ClickHouse: the embedded engine (chDB) or a server over HTTP(S).

What it raises is in `callgauge_history.store_faults`. Messages never hold the password.
"""

from __future__ import annotations

import json
import logging
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit, urlunsplit

import clickhouse_connect
from clickhouse_connect.driver import exceptions as ch

from callgauge.errors import SettingError, StoreError
from callgauge.store_address import check_store, is_embedded
from callgauge_history.store_faults import (
    RowsRefused,
    RowsTooMany,
    StoreUnavailable,
    first_line,
    passwords_in,
    translated,
)

__all__ = [
    "Ask",
    "Parameters",
    "QueryResult",
    "RowsRefused",
    "RowsTooMany",
    "Store",
    "StoreUnavailable",
    "is_embedded",
    "open_store",
    "place_of",
]

_OUTFILE = re.compile(r"\boutfile\b", re.IGNORECASE)

#: Limits of a reader's query: one wild query must not hold up the sinks of the same process.
_READ_LIMITS = {"max_execution_time": 60, "max_result_rows": 1_000_000, "max_memory_usage": 2_000_000_000}

#: How values are written in JSON: integers as numbers, and decimals as strings, since a JSON reader would round them.
_JSON = {
    "output_format_json_quote_64bit_integers": 0,
    "output_format_json_quote_decimals": 1,
    "output_format_json_quote_denormals": 0,
}

#: A record with a wrong clock lies in a partition of its own; many of them must not make ClickHouse refuse a batch.
#: On a cluster an insert is acknowledged when the shards have it. Rows of one key are told apart by FINAL and merges:
#: to look for them in each batch, row by row, takes longer than all the rest of an insert.
_INSERT = {
    "distributed_foreground_insert": 1,
    "async_insert": 0,
    "max_partitions_per_insert_block": 0,
    "optimize_on_insert": 0,
}


# What its client logs of a failed request is in the error that is raised: without a log nothing need be printed.
logging.getLogger("clickhouse_connect").addHandler(logging.NullHandler())

#: Values of a statement's `{name:Type}`. ClickHouse puts them in, so no value can become SQL.
Parameters = Mapping[str, str | int | float | Sequence[str] | Sequence[int]]


@dataclass(frozen=True)
class QueryResult:
    """Column names, rows of JSON values, and ClickHouse's types of the columns.

    Decimals are strings. NaN and infinities are None, as NULL is.
    """

    columns: list[str]
    rows: list[list[Any]]
    types: list[str] = field(default_factory=list, compare=False)
    """Empty if a process of an older version has answered."""


class Ask(Protocol):
    """Runs one statement that reads: a store's `query`, or that of the process which has the store open."""

    def __call__(self, sql: str, parameters: Parameters | None = None) -> QueryResult:
        """Raise StoreError when the statement is wrong, or nobody answers."""
        ...


def place_of(dsn: str) -> str:
    """`dsn` without user and password, for messages."""
    parts = urlsplit(dsn)
    return dsn if is_embedded(dsn) else urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


class Store:
    """A connection to ClickHouse. Calls from several threads run one after the other."""

    def __init__(
        self, writer: Any, reader: Any, place: str, read_settings: dict[str, int], secrets: Sequence[str] = ()
    ) -> None:
        """`secrets`: what no error may tell."""
        self._writer = writer
        self._reader = reader
        self._place = place
        self._read_settings = read_settings
        self._secrets = secrets
        self._lock = threading.Lock()

    def insert(self, table: str, rows: Any) -> None:
        """Insert a pyarrow table; returns when ClickHouse has acknowledged it.

        Raises:
            StoreUnavailable: try the same rows again later.
            RowsRefused: ClickHouse refuses one of these rows.
            StoreError: ClickHouse refuses the insert, whatever the rows.
        """
        with self._errors(f"insert into {table}"):
            self._writer.insert_arrow(table, rows, settings=dict(_INSERT))

    def columns(self, table: str) -> dict[str, str]:
        """Name -> ClickHouse's type of each column of a table; empty if there is no such table."""
        named = table.replace("\\", "\\\\").replace("'", "\\'")
        sql = f"SELECT name, type FROM system.columns WHERE database = currentDatabase() AND table = '{named}'"  # noqa: S608 (escaped)
        return dict(self.query(sql).rows)

    def command(self, sql: str) -> None:
        """Run a statement that changes something (DDL, SET)."""
        with self._errors(f"run {_start_of(sql)!r}"):
            self._writer.command(sql)

    def query(self, sql: str, parameters: Parameters | None = None) -> QueryResult:
        """Run one read-only statement, at most 60 s, 1,000,000 rows and 2 GB of memory.

        Args:
            parameters: the values of each `{name:Type}` in it.

        Raises:
            StoreError: the statement is wrong, its result is too large, or it does not only read.
        """
        if _OUTFILE.search(sql):
            # chDB writes the file even in read-only mode.
            raise StoreError("OUTFILE is not allowed: a query gives its rows to the caller")
        with self._errors(f"run {_start_of(sql)!r}"):
            # ClickHouse writes the JSON, so that embedded engine and server give the same values.
            try:
                body = self._reader.raw_query(
                    _plain(sql), dict(parameters or {}) or None, fmt="JSONCompact", settings=self._read_settings
                )
            except ch.Error:
                if self._reader is not self._writer:
                    # chDB 4.4 puts what a failed query had written in front of the next query's result, so this one
                    # takes it away.
                    self._reader.raw_query("SELECT 1")
                raise
        try:
            parsed = json.loads(body.decode("utf-8", "replace"))
        except ValueError:
            raise StoreError(f"{_start_of(sql)!r} gave no single result: send one statement that reads") from None
        meta = parsed["meta"]
        return QueryResult([column["name"] for column in meta], parsed["data"], [column["type"] for column in meta])

    def close(self) -> None:
        """Close the connection. Another process may then open an embedded store's folder."""
        with self._lock:
            self._reader.close()
            self._writer.close()

    @contextmanager
    def _errors(self, what: str) -> Iterator[None]:
        with self._lock, translated(f"cannot {what} at {self._place}", self._secrets):
            yield


def open_store(dsn: str, timeout_s: float = 60.0) -> Store:
    """Connect to `chdb://folder` or `http(s)://user:password@host:port/database`.

    A process can have only one chDB folder open, and a folder can be open in only one process.

    Raises:
        SettingError: `dsn` is neither.
        StoreUnavailable: nobody answers; the same may succeed later.
        StoreError: the store refuses, and trying again will not help.
    """
    try:
        check_store(dsn)
    except ValueError as error:
        raise SettingError(f"CALLGAUGE_STORE: {error}") from None
    place = place_of(dsn)
    if is_embedded(dsn):
        return _open_embedded(dsn.removeprefix("chdb://"), place)
    secrets = passwords_in(dsn)
    with translated(f"cannot connect to {place}", secrets):
        client = clickhouse_connect.get_client(
            dsn=dsn,
            # clickhouse-connect does not look at the scheme of an address: it would send the password in clear.
            interface=urlsplit(dsn).scheme,
            autogenerate_session_id=False,
            connect_timeout=10,
            send_receive_timeout=timeout_s,
        )
    return Store(client, client, place, _READ_LIMITS | _JSON | {"readonly": 1}, secrets)


def _open_embedded(folder: str, place: str) -> Store:
    path = Path(folder).absolute()
    try:
        path.mkdir(parents=True, exist_ok=True)
        writer = clickhouse_connect.get_client(interface="chdb", path=str(path))
        reader = clickhouse_connect.get_client(interface="chdb", path=str(path))
    except ImportError:
        raise SettingError(
            "CALLGAUGE_STORE: ClickHouse's embedded engine (chdb) is not installed: pip install 'callgauge[local]', or "
            "name a server: http(s)://host:port/database"
        ) from None
    except ch.ProgrammingError as error:
        raise StoreError(
            f"cannot open {place}: is another process using it? A folder belongs to one process at a time; "
            f"ask that one through its API or stop it ({first_line(error)})"
        ) from None
    except OSError as error:
        raise StoreError(f"cannot open {place}: {error}") from error
    # A chDB handle keeps its settings: after this the reader can neither write, nor read files or URLs.
    for name, value in (_READ_LIMITS | _JSON).items():
        reader.command(f"SET {name} = {value}")
    reader.command("SET readonly = 1")
    return Store(writer, reader, place, {})


def _start_of(sql: str) -> str:
    line = " ".join(sql.split())
    return line if len(line) <= 60 else line[:57] + "..."


def _plain(sql: str) -> str:
    """The statement without its closing semicolon: the client appends a FORMAT clause, which must not follow one."""
    return sql.strip().rstrip(";").rstrip()
