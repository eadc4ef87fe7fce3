"""The query API, and `callgauge query` on top of it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from callgauge.errors import StoreError
from callgauge.settings import Settings, load_settings
from callgauge_history.api import ApiServer, refusal_of
from callgauge_history.query import asking, run_query
from callgauge_history.store import QueryResult, Store

TOKEN = "t0ken"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(data_dir=tmp_path, store=f"chdb://{tmp_path}/store", api_token=TOKEN, api_port=0)


@pytest.fixture
def api(settings: Settings, store: Store) -> Iterator[ApiServer]:
    server = ApiServer(settings, store)
    thread = threading.Thread(target=server.run)
    thread.start()
    assert server.ready.wait(5)
    yield server
    server.stop()
    thread.join(10)
    assert not thread.is_alive()
    assert not (settings.data_dir / "api.json").exists()


def ask(api: ApiServer, sql: str, token: str = TOKEN) -> httpx.Response:
    return httpx.post(f"{api.url}/query", content=sql, headers={"Authorization": f"Bearer {token}"}, timeout=20)


def test_a_query(api: ApiServer) -> None:
    """Columns, their types and rows as JSON; health without a token."""
    assert ask(api, "SELECT 1 AS a, 'x' AS b").json() == {
        "columns": ["a", "b"],
        "types": ["UInt8", "String"],
        "rows": [[1, "x"]],
    }
    assert httpx.get(f"{api.url}/health").json() == {"status": "ok"}


def test_what_is_refused(api: ApiServer) -> None:
    """A wrong token, a statement that writes, wrong SQL: each with its status and a line."""
    assert ask(api, "SELECT 1", token="other").status_code == 401
    assert ask(api, "DROP TABLE calls").status_code == 403
    answer = ask(api, "SELECT nope")
    assert answer.status_code == 400
    assert "nope" in answer.json()["error"]


def test_the_file_is_private(api: ApiServer, settings: Settings) -> None:
    """Its address and token are for the owner alone."""
    file = settings.data_dir / "api.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert json.loads(file.read_text())["api_url"] == api.url


def test_run_query_asks_the_running_process(api: ApiServer, settings: Settings) -> None:
    """By the stack's file; errors are the process's own line."""
    (settings.data_dir / "stack.json").write_text(json.dumps({"api_url": api.url, "api_token": TOKEN}))
    assert run_query(settings, "SELECT 7 AS seven") == QueryResult(["seven"], [[7]])
    with pytest.raises(StoreError, match="nope"):
        run_query(settings, "SELECT nope")


def test_nothing_there_yet(settings: Settings) -> None:
    """No process, no folder: told what to do, and no folder is made."""
    with pytest.raises(StoreError, match="callgauge up"):
        run_query(settings, "SELECT 1")
    assert not (settings.data_dir / "store").exists()


@pytest.mark.parametrize(
    "sql",
    [
        "select 1",
        " -- why\nWITH 1 AS x SELECT x",
        "/* a */ (SELECT 1)",
        "SHOW TABLES",
        "describe calls",
        "EXPLAIN SELECT 1",
    ],
)
def test_reading_is_allowed(sql: str) -> None:
    """Comments and parentheses in front are fine."""
    assert refusal_of(sql) is None


@pytest.mark.parametrize(
    "sql", ["", "  -- nothing", "INSERT INTO calls VALUES (1)", "/* SELECT */ DROP TABLE calls", "SELECTED"]
)
def test_the_rest_is_not(sql: str) -> None:
    """Empty, or any other verb."""
    assert refusal_of(sql)


def test_parameters(api: ApiServer, settings: Settings) -> None:
    """Values travel beside the statement, and never become part of it."""
    (settings.data_dir / "stack.json").write_text(json.dumps({"api_url": api.url, "api_token": TOKEN}))
    given = {"text": "it's \\ one\n", "number": 7, "many": ["a'", "b"]}
    sql = "SELECT {text:String}, {number:Int64}, {many:Array(String)}"
    with asking(settings) as ask:
        assert ask(sql, given).rows == [[*given.values()]]
        assert ask("SELECT 1").rows == [[1]]
        with pytest.raises(StoreError, match="not set"):
            ask(sql, {"text": "x"})


@pytest.mark.parametrize(
    "body",
    [
        b"[1]",
        b"{",
        b'{"sql": 1}',
        b'{"sql": "SELECT 1", "parameters": [1]}',
        b'{"sql": "SELECT 1", "parameters": {"x": {}}}',
    ],
)
def test_wrong_json(api: ApiServer, body: bytes) -> None:
    """Is told in a line."""
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}
    answer = httpx.post(f"{api.url}/query", content=body, headers=headers, timeout=20)
    assert answer.status_code == 400
    assert "must be" in answer.json()["error"]
