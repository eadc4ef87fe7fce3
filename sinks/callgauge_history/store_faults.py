"""What goes wrong with ClickHouse, and whether asking again will help.

    StoreError
    ├── (itself)            final: wrong SQL, wrong password, no such table. Asking again will not help.
    ├── RowsRefused         final, for these rows: a value fits no column, a constraint is violated.
    └── StoreUnavailable    later: refused connection, timeout, too many parts, disk full. Asking again will.
        └── RowsTooMany     later, and with fewer rows at once rather: no memory.

Messages never hold the password.
"""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import quote, unquote, urlsplit

from clickhouse_connect.driver import exceptions as ch
from urllib3.exceptions import HTTPError

from callgauge.errors import StoreError

__all__ = ["RowsRefused", "RowsTooMany", "StoreUnavailable", "first_line", "passwords_in", "translated"]

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
#: Of what urllib3 says of an address where nobody answers, the reason alone.
_NOBODY = re.compile(r"ConnectionPool\(.*?\[Errno -?\d+\] ([\w ]+)", re.DOTALL)
_GATEWAY = re.compile(r"HTTP status (429|50[0234])\b")


class StoreUnavailable(StoreError):
    """ClickHouse cannot take this now; the same request may succeed later."""


class RowsTooMany(StoreUnavailable):
    """ClickHouse has no memory for this now; it may have for a part of it."""


class RowsRefused(StoreError):
    """ClickHouse refuses at least one of the rows of an insert."""


def passwords_in(dsn: str) -> tuple[str, ...]:
    """The password of an address, in all the forms in which an error could hold it."""
    written = urlsplit(dsn).password or ""
    return tuple(sorted({written, unquote(written), quote(unquote(written), safe="")} - {""}, key=len, reverse=True))


@contextmanager
def translated(what: str, secrets: Sequence[str] = ()) -> Iterator[None]:
    """Raise what a client raises inside as one of these errors.

    Args:
        what: was tried, for the message.
        secrets: what no error may tell.
    """
    try:
        yield
    except (ch.Error, HTTPError, OSError) as error:
        # A traceback prints the cause as it is.
        printed = "".join(traceback.format_exception(error))
        cause = None if any(secret in printed for secret in secrets) else error
        raise _told(what, error, secrets) from cause


def _told(what: str, error: Exception, secrets: Sequence[str]) -> StoreError:
    line = first_line(error, secrets)
    if isinstance(error, ch.OperationalError) or not isinstance(error, ch.Error):
        return StoreUnavailable(f"{what}: {line}; will do when ClickHouse answers")
    if error.code == _MEMORY_LIMIT_EXCEEDED:
        return RowsTooMany(f"{what}: {line}")
    if error.code in _LATER or _NO_SPACE.search(str(error)) or (error.code is None and _GATEWAY.search(str(error))):
        return StoreUnavailable(f"{what}: {line}")
    if error.code in _ROWS:
        return RowsRefused(f"{what}: {line}")
    return StoreError(f"{what}: {line}")


def first_line(error: Exception, secrets: Sequence[str] = ()) -> str:
    """What ClickHouse says in an error, in one line of at most 400 characters.

    Its prefixes, the URL that was asked, user and password, and the list of words it expected are left out.
    """
    text = str(error).strip() or type(error).__name__
    for secret in secrets:
        text = text.replace(secret, "***")
    if nobody := _NOBODY.search(text):
        text = nobody[1]
    text = re.sub(r"\s*\(for url .*", "", text, flags=re.S)
    text = re.sub(r"Max retries exceeded with url: \S*\s*", "", text)
    text = re.sub(r"(?:.*?DB::Exception: )+", "", text, flags=re.S)
    text = re.sub(r"Expected one of:.*", "", text, flags=re.S)
    text = re.sub(r"://[^/@\s]*@", "://", text)
    return " ".join(text.split())[:400]
