"""The connection to ClickHouse: the embedded engine (chDB) or a server over HTTP(S).

    StoreError
    ├── (itself)            final: wrong SQL, wrong password, no such table. Asking again will not help.
    ├── RowsRefused         final, for these rows: a value fits no column, a constraint is violated.
    └── StoreUnavailable    later: refused connection, timeout, too many parts, disk full. Asking again will.
        └── RowsTooMany     later, and with fewer rows at once rather: no memory.

Messages never hold the password.
"""

from __future__ import annotations

import json
import re
import threading
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote, unquote, urlsplit, urlunsplit

import clickhouse_connect
from clickhouse_connect.driver import exceptions as ch
from urllib3.exceptions import HTTPError

from callgauge.errors import SettingError, StoreError
from callgauge.store_address import check_store, is_embedded

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

#: ClickHouse's error codes of faults that pass by themselves.
_LATER = frozenset(
    {
        3,  # UNEXPECTED_END_OF_FILE
        32,  # ATTEMPT_TO_READ_AFTER_EOF
        159,  # TIMEOUT_EXCEEDED
        202,  # TOO_MANY_SIMULTANEOUS_QUERIES
        203,  # NO_FREE_CONNECTION
        209,  # SOCKET_TIMEOUT
        210,  # NETWORK_ERROR
        225,  # NO_ZOOKEEPER
        236,  # ABORTED (the server is shutting down)
        242,  # TABLE_IS_READ_ONLY (a replica without its keeper)
        243,  # NOT_ENOUGH_SPACE
        252,  # TOO_MANY_PARTS
        279,  # ALL_CONNECTION_TRIES_FAILED
        285,  # TOO_FEW_LIVE_REPLICAS
        319,  # UNKNOWN_STATUS_OF_INSERT
        394,  # QUERY_WAS_CANCELLED
        439,  # CANNOT_SCHEDULE_TASK
        745,  # SERVER_OVERLOADED
        999,  # KEEPER_EXCEPTION
    }
)
#: Its error codes of what is wrong with the rows themselves, not with the statement.
_ROWS = frozenset(
    {
        6,  # CANNOT_PARSE_TEXT
        27,  # CANNOT_PARSE_INPUT_ASSERTION_FAILED
        38,  # CANNOT_PARSE_DATE
        41,  # CANNOT_PARSE_DATETIME
        69,  # ARGUMENT_OUT_OF_BOUND
        70,  # CANNOT_CONVERT_TYPE
        72,  # CANNOT_PARSE_NUMBER
        117,  # INCORRECT_DATA
        128,  # TOO_LARGE_ARRAY_SIZE
        131,  # TOO_LARGE_STRING_SIZE
        153,  # ILLEGAL_DIVISION
        321,  # VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE
        349,  # CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN
        395,  # FUNCTION_THROW_IF_VALUE_IS_NON_ZERO
        407,  # DECIMAL_OVERFLOW
        469,  # VIOLATED_CONSTRAINT
        691,  # UNKNOWN_ELEMENT_OF_ENUM
    }
)
_MEMORY_LIMIT_EXCEEDED = 241
_NO_SPACE = re.compile(r"no space left on device", re.IGNORECASE)
_GATEWAY = re.compile(r"HTTP status (429|50[0234])\b")
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


#: Values of a statement's `{name:Type}`. ClickHouse puts them in, so no value can become SQL.
Parameters = Mapping[str, str | int | float | Sequence[str] | Sequence[int]]


class StoreUnavailable(StoreError):
    """ClickHouse cannot take this now; the same request may succeed later."""


class RowsTooMany(StoreUnavailable):
    """ClickHouse has no memory for this now; it may have for a part of it."""


class RowsRefused(StoreError):
    """ClickHouse refuses at least one of the rows of an insert."""


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
        with self._lock, _translated(f"cannot {what} at {self._place}", self._secrets):
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
    secrets = _passwords_in(dsn)
    with _translated(f"cannot connect to {place}", secrets):
        client = clickhouse_connect.get_client(
            dsn=dsn,
            # clickhouse-connect does not look at the scheme of an address: it would send the password in clear.
            interface=urlsplit(dsn).scheme,
            autogenerate_session_id=False,
            connect_timeout=10,
            send_receive_timeout=timeout_s,
        )
    return Store(client, client, place, _READ_LIMITS | _JSON | {"readonly": 1}, secrets)


def _passwords_in(dsn: str) -> tuple[str, ...]:
    """The password of an address, in all the forms in which an error could hold it."""
    written = urlsplit(dsn).password or ""
    return tuple(sorted({written, unquote(written), quote(unquote(written), safe="")} - {""}, key=len, reverse=True))


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
            f"ask that one through its API or stop it ({_first_line(error)})"
        ) from None
    except OSError as error:
        raise StoreError(f"cannot open {place}: {error}") from error
    # A chDB handle keeps its settings: after this the reader can neither write, nor read files or URLs.
    for name, value in (_READ_LIMITS | _JSON).items():
        reader.command(f"SET {name} = {value}")
    reader.command("SET readonly = 1")
    return Store(writer, reader, place, {})


@contextmanager
def _translated(what: str, secrets: Sequence[str] = ()) -> Iterator[None]:
    try:
        yield
    except (ch.Error, HTTPError, OSError) as error:
        # A traceback prints the cause as it is.
        printed = "".join(traceback.format_exception(error))
        cause = None if any(secret in printed for secret in secrets) else error
        raise _told(what, error, secrets) from cause


def _told(what: str, error: Exception, secrets: Sequence[str]) -> StoreError:
    line = _first_line(error, secrets)
    if isinstance(error, ch.OperationalError) or not isinstance(error, ch.Error):
        return StoreUnavailable(f"{what}: {line}; will do when ClickHouse answers")
    if error.code == _MEMORY_LIMIT_EXCEEDED:
        return RowsTooMany(f"{what}: {line}")
    if error.code in _LATER or _NO_SPACE.search(str(error)) or (error.code is None and _GATEWAY.search(str(error))):
        return StoreUnavailable(f"{what}: {line}")
    if error.code in _ROWS:
        return RowsRefused(f"{what}: {line}")
    return StoreError(f"{what}: {line}")


def _first_line(error: Exception, secrets: Sequence[str] = ()) -> str:
    """What ClickHouse says in an error, in one line of at most 400 characters.

    Its prefixes, the URL that was asked, user and password, and the list of words it expected are left out.
    """
    text = str(error).strip() or type(error).__name__
    for secret in secrets:
        text = text.replace(secret, "***")
    text = re.sub(r"\s*\(for url .*", "", text, flags=re.S)
    text = re.sub(r"Max retries exceeded with url: \S*\s*", "", text)
    text = re.sub(r"(?:.*?DB::Exception: )+", "", text, flags=re.S)
    text = re.sub(r"Expected one of:.*", "", text, flags=re.S)
    text = re.sub(r"://[^/@\s]*@", "://", text)
    return " ".join(text.split())[:400]


def _start_of(sql: str) -> str:
    line = " ".join(sql.split())
    return line if len(line) <= 60 else line[:57] + "..."


def _plain(sql: str) -> str:
    """The statement without its closing semicolon: the client appends a FORMAT clause, which must not follow one."""
    return sql.strip().rstrip(";").rstrip()
