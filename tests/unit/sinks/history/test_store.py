"""The store: what can be asked, what is refused, which errors pass by themselves."""

from __future__ import annotations

import http.server
import re
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError

from callgauge.errors import SettingError, StoreError
from callgauge.log_lines import log_to_stderr
from callgauge.store_address import store_dsn
from callgauge_history.store import Store, StoreUnavailable, open_store, place_of


@contextmanager
def server_that_answers(status: int, code: str, body: str) -> Iterator[int]:
    """An HTTP server that gives every request the same answer; yields its port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            if code:
                self.send_header("X-ClickHouse-Exception-Code", code)
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        do_GET = do_POST

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_query_gives_json_values(store: Store) -> None:
    """64-bit integers exactly, times as text, NaN as None."""
    result = store.query(
        "SELECT 18446744073709551615 AS big, map('a', [1]) AS m, 0/0 AS nothing, toDate('2026-01-02') AS d;"
    )
    assert result.columns == ["big", "m", "nothing", "d"]
    assert result.rows == [[2**64 - 1, {"a": [1]}, None, "2026-01-02"]]


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO dead_letters (topic) VALUES ('x')",
        "DROP TABLE calls",
        "SELECT 1; TRUNCATE TABLE calls",
        "SET readonly = 0",
        "SELECT * FROM file('/etc/passwd', 'LineAsString')",
        "SELECT * FROM url('http://127.0.0.1:1/', 'CSV', 'a String')",
        "SELECT 1 INTO OUTFILE '/tmp/callgauge-outfile'",
        "SELECT 1 into/**/outfile '/tmp/callgauge-outfile'",
        "SELECT 1; SELECT 2",
        "SELECT 1 SETTINGS max_execution_time = 0",
    ],
)
def test_queries_only_read(store: Store, sql: str) -> None:
    """The engine itself refuses what changes or reaches out, whatever the API let through."""
    with pytest.raises(StoreError):
        store.query(sql)
    assert store.query("SELECT 5 AS five").rows == [[5]]


def test_an_error_leaves_nothing_for_the_next_query(store: Store) -> None:
    """A query that fails after it has written rows does not spoil the next one's result."""
    for _ in range(3):
        with pytest.raises(StoreError):
            store.query("SELECT number, throwIf(number = 900000) FROM numbers(1000000)")
        assert store.query("SELECT 5 AS five").rows == [[5]]


def test_errors_are_short(store: Store) -> None:
    """One line, what ClickHouse says and where."""
    with pytest.raises(StoreError, match=r"^cannot run 'SELECT nope FROM calls' at chdb://.*nope") as caught:
        store.query("SELECT nope FROM calls")
    assert "\n" not in str(caught.value)
    assert not isinstance(caught.value, StoreUnavailable)


def test_a_refused_connection_passes(caplog: pytest.LogCaptureFixture) -> None:
    """Nobody listens: later, in few words, and the password is not told. The libraries between log nothing: theirs
    would hold the whole request."""
    log_to_stderr("INFO")
    with server_that_answers(200, "", "") as port:
        pass
    with pytest.raises(StoreUnavailable, match=rf"127.0.0.1:{port}/llm: Connection refused; ") as caught:
        open_store(f"http://me:hunter2@127.0.0.1:{port}/llm")
    assert "hunter2" not in str(caught.value)
    assert "query_id" not in str(caught.value)
    assert caplog.messages == []


@pytest.mark.parametrize(
    ("status", "code", "body", "later"),
    [
        (500, "241", "Code: 241. DB::Exception: Memory limit exceeded. (MEMORY_LIMIT_EXCEEDED)", True),
        (503, "", "upstream is restarting", True),
        (403, "516", "Code: 516. DB::Exception: me: Authentication failed. (AUTHENTICATION_FAILED)", False),
        (404, "81", "Code: 81. DB::Exception: Database llm does not exist. (UNKNOWN_DATABASE)", False),
    ],
)
def test_later_and_final_are_told_apart(status: int, code: str, body: str, later: bool) -> None:
    """By ClickHouse's error code, and by the gateway's status where there is none."""
    with server_that_answers(status, code, body) as port, pytest.raises(StoreError) as caught:
        open_store(f"http://me:hunter2@127.0.0.1:{port}/llm")
    assert isinstance(caught.value, StoreUnavailable) is later, str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_what_is_no_store() -> None:
    """The setting's name and its forms are told."""
    with pytest.raises(SettingError, match=r"^CALLGAUGE_STORE: must be chdb://"):
        open_store("postgres://me:pw@host/db")
    assert place_of("https://me:p%40w@host:8443/db?x=1") == "https://host:8443/db"


def told(error: BaseException) -> str:
    """All that a log could hold of an error: its text, its parts, and the traceback with the errors before it."""
    return "".join([repr(error), str(error.args), *traceback.format_exception(error)])


@pytest.mark.parametrize("password", ["hunter2", "h/u#n?t@e:r%2", "100%", "пароль"])
def test_a_server_that_repeats_the_password_does_not_make_us_tell_it(password: str) -> None:
    """As it is, percent-encoded, or inside a URL."""
    encoded = quote(password, safe="")
    for spelt, shown in ((password, "***"), (encoded, "***"), (f"http://me:{encoded}@h/", "http://h/")):
        body = f"Code: 516. DB::Exception: {spelt} is wrong"
        with server_that_answers(403, "516", body) as port, pytest.raises(StoreError) as caught:
            open_store(store_dsn(f"http://127.0.0.1:{port}/llm", "me", password))
        assert str(caught.value) == f"cannot connect to http://127.0.0.1:{port}/llm: {shown} is wrong"
        assert password not in told(caught.value)
        assert encoded not in told(caught.value)


class Parrot:
    """A client whose every request fails with what it was told to say."""

    def __init__(self, says: str) -> None:
        self._says = says

    def command(self, sql: str) -> None:
        raise DatabaseError(self._says) from ValueError(self._says)

    def raw_query(self, *args: object, **kwargs: object) -> None:
        self.command("")

    def insert_arrow(self, *args: object, **kwargs: object) -> None:
        self.command("")


def test_no_statement_tells_the_password() -> None:
    """Neither a query, a command nor an insert; not even by its cause."""
    parrot = Parrot("DB::Exception: hunter2 is wrong")
    store = Store(parrot, parrot, "http://h/llm", {}, ("hunter2",))
    for ask in (lambda: store.query("SELECT 1"), lambda: store.command("SET x = 1"), lambda: store.insert("t", None)):
        with pytest.raises(StoreError, match=r"at http://h/llm: \*\*\* is wrong") as caught:
            ask()
        assert "hunter2" not in told(caught.value)


@pytest.mark.parametrize(
    "dsn", ["http://me:hun/ter2@127.0.0.1:1/llm", "https://me:hun#ter2@127.0.0.1", "http://me:hunter2"]
)
def test_an_address_that_is_misread_tells_nothing(dsn: str) -> None:
    """It is refused before anybody could take a piece of the password for a host or a port."""
    with pytest.raises(SettingError, match=r"^CALLGAUGE_STORE: ") as caught:
        open_store(dsn)
    assert not re.search("hun|ter2", told(caught.value))


def test_https_is_spoken_where_the_address_says_so() -> None:
    """Whatever the port: a password must not go over the wire in clear."""
    with server_that_answers(200, "", "") as port, pytest.raises(StoreUnavailable, match="SSL"):
        open_store(f"https://me:hunter2@127.0.0.1:{port}/llm")
