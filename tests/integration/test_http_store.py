"""The store over HTTP: clickhouse-connect's real client against a small server made of chDB, with a server's faults."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import clickhouse_connect
import pyarrow as pa
import pytest

from callgauge.codec import encode
from callgauge.errors import StoreError
from callgauge_history.migrate import migrate
from callgauge_history.store import RowsRefused, RowsTooMany, Store, StoreUnavailable, open_store
from callgauge_sinks.call_reading import read_calls
from tests.clickhouse_http import Fault, HttpStore
from tests.random_calls import random_calls
from tests.unit.sinks.fakes import FakeMessage

pytestmark = pytest.mark.xdist_group("HTTP store")  # one for all of them


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HttpStore]:
    with HttpStore(tmp_path_factory.mktemp("store")).running() as server:
        store = open_store(server.dsn)
        migrate(store)
        store.close()
        yield server


@pytest.fixture
def store(http: HttpStore) -> Iterator[Store]:
    """A connection; no faults are left over, and the table is empty."""
    http.faults()
    opened = open_store(http.dsn, timeout_s=60)
    opened.command("TRUNCATE TABLE calls")
    yield opened
    opened.close()


def some_rows(count: int = 300) -> pa.Table:
    messages = [FakeMessage(encode(call), offset=at) for at, call in enumerate(random_calls(count, seed=4))]
    return read_calls(messages)[1]["calls"]


def stored(store: Store) -> list[int]:
    [row] = store.query("SELECT count(), uniqExact(event_id), sum(cost_nano) FROM calls_final").rows
    return [int(value) for value in row]


def expected() -> list[int]:
    return [300, 300, sum(value for value in some_rows()["cost_nano"].to_pylist() if value is not None)]


def test_rows_arrive_as_they_are(store: Store) -> None:
    """Coded columns, maps, nulls and times, over the wire."""
    store.insert("calls", some_rows())
    assert stored(store) == expected()
    [row] = store.query("SELECT service, model, input_tokens, error_type FROM calls ORDER BY kafka_offset LIMIT 1").rows
    first = some_rows().slice(0, 1).to_pylist()[0]
    assert row == [first[name] for name in ("service", "model", "input_tokens", "error_type")]


def test_values_of_a_statement(store: Store) -> None:
    """Strings with anything in them, numbers and lists come as they are."""
    given: dict[str, str | int | list[str]] = {"text": 'it\'s\\n a\t"tab"\\', "number": 7, "names": ["a'b", "c"]}
    [row] = store.query("SELECT {text:String}, {number:UInt8}, {names:Array(String)}", given).rows
    assert row == list(given.values())


def test_a_wrong_password_is_final_and_not_told(http: HttpStore) -> None:
    """The error says so at once, and holds neither the password nor what was tried."""
    wrong = http.dsn.replace(quote(http.password, safe=""), "guessed")
    with pytest.raises(StoreError, match="Authentication failed") as raised:
        open_store(wrong)
    assert not isinstance(raised.value, StoreUnavailable)
    assert "guessed" not in str(raised.value)


@pytest.mark.parametrize("compress", ["gzip", "lz4", "zstd", False])
def test_compressed_both_ways(http: HttpStore, store: Store, compress: str | bool) -> None:
    """Whatever the client asks for."""
    client = clickhouse_connect.get_client(
        dsn=http.dsn, interface="http", compress=compress, autogenerate_session_id=False
    )
    client.insert_arrow("calls", some_rows())
    assert client.query("SELECT count(), uniqExact(event_id) FROM calls FINAL").result_rows == [(300, 300)]
    assert client.query_arrow("SELECT event_id FROM calls FINAL").num_rows == 300
    client.close()


def test_an_answer_that_is_lost(http: HttpStore, store: Store) -> None:
    """The insert was done, the connection was cut: it is tried again, and nothing is there twice."""
    http.faults(Fault("cut", times=2))
    failures = 0
    while True:
        try:
            store.insert("calls", some_rows())
            break
        except StoreUnavailable:
            failures += 1
            assert failures < 5
    assert failures >= 1
    assert int(store.query("SELECT count() FROM calls").rows[0][0]) >= 300
    assert stored(store) == expected()


@pytest.mark.parametrize(("code", "kind"), [(243, StoreUnavailable), (252, StoreUnavailable), (241, RowsTooMany)])
def test_what_passes_by_itself(http: HttpStore, store: Store, code: int, kind: type[StoreError]) -> None:
    """Disk full, too many parts, no memory: later, with ClickHouse's own words."""
    http.faults(Fault("error", code=code))
    with pytest.raises(kind, match=r"not enough space|Too many parts|Memory limit"):
        store.insert("calls", some_rows())
    store.insert("calls", some_rows())
    assert stored(store) == expected()


def test_an_error_in_the_middle_of_an_answer(http: HttpStore, store: Store) -> None:
    """Is never taken for a result: half an answer with the text of an exception behind it."""
    store.insert("calls", some_rows())
    http.faults(Fault("midstream"))
    with pytest.raises(StoreError):
        store.query("SELECT event_id FROM calls_final")
    assert stored(store) == expected()


def test_a_slow_insert_is_given_up_and_tried_again(http: HttpStore) -> None:
    """After the timeout the sink may go on; what the store still does is the same insert."""
    store = open_store(http.dsn, timeout_s=1)
    store.command("TRUNCATE TABLE calls")
    http.faults(Fault("slow", seconds=2.0))
    with pytest.raises(StoreUnavailable):
        store.insert("calls", some_rows())
    http.faults()
    store.insert("calls", some_rows())
    assert stored(store) == expected()
    store.close()


def test_a_row_that_a_constraint_refuses(store: Store) -> None:
    """Is the row's fault; ClickHouse's text names the constraint."""
    store.command("ALTER TABLE calls ADD CONSTRAINT known CHECK service != 'service-1'")
    try:
        with pytest.raises(RowsRefused, match="known"):
            store.insert("calls", some_rows())
    finally:
        store.command("ALTER TABLE calls DROP CONSTRAINT known")


def test_a_reader_cannot_write(store: Store) -> None:
    """The query side asks with readonly, over HTTP too."""
    with pytest.raises(StoreError, match="readonly"):
        store.query("INSERT INTO calls (event_id) VALUES ('x')")


def test_killed_and_started_again(tmp_path: Path) -> None:
    """What was acknowledged is there after kill -9; until then it is unavailable, not wrong."""
    server = HttpStore(tmp_path)
    with server.running():
        store = open_store(server.dsn, timeout_s=60)
        migrate(store)
        store.insert("calls", some_rows())
        server.kill()
        with pytest.raises(StoreUnavailable):
            store.insert("calls", some_rows())
        server.start()
        store.insert("calls", some_rows())
        assert stored(store) == expected()
        store.close()
