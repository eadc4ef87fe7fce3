"""The console as a worker, and `callgauge query` on top of it. No bus is needed for either."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from callgauge.errors import SettingError, StoreError
from callgauge.settings import Settings, load_settings
from callgauge_console.app import run
from callgauge_console.server import ConsoleServer
from callgauge_history.query import have_done, run_query
from callgauge_history.store import QueryResult, Store
from tests.unit.sinks.made_calls import T0, store_calls

TOKEN = "t0ken"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(
        data_dir=tmp_path,
        store=f"chdb://{tmp_path}/store",
        api_token=TOKEN,
        api_port=0,
        bootstrap_servers="127.0.0.1:1",
        prices_file=tmp_path / "prices.yaml",
    )


@pytest.fixture
def console(settings: Settings, store: Store, monkeypatch: pytest.MonkeyPatch) -> Iterator[ConsoleServer]:
    monkeypatch.setattr("callgauge_console.server._END_S", 0.05)  # what waits for the bus that is not there
    server = ConsoleServer(settings, store)
    thread = threading.Thread(target=server.run)
    thread.start()
    assert server.ready.wait(60)
    yield server
    server.stop()
    thread.join(60)
    assert not thread.is_alive()
    assert not (settings.data_dir / "api.json").exists()


def ask(console: ConsoleServer, sql: str, token: str = TOKEN) -> httpx.Response:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.post(f"{console.url}/v1/query", json={"sql": sql}, headers=headers, timeout=20)


def test_a_query(console: ConsoleServer, settings: Settings) -> None:
    """Columns, their types and rows as JSON; and its parameters are values, never SQL."""
    assert ask(console, "SELECT 1 AS a, 'x' AS b").json() == {
        "columns": ["a", "b"],
        "types": ["UInt8", "String"],
        "rows": [[1, "x"]],
    }
    asked = {"sql": "SELECT {x:String} AS x", "parameters": {"x": "'; DROP TABLE calls"}}
    found = httpx.post(f"{console.url}/v1/query", json=asked, headers={"Authorization": f"Bearer {TOKEN}"})
    assert found.json()["rows"] == [["'; DROP TABLE calls"]]
    (settings.data_dir / "stack.json").write_text(json.dumps({"api_url": console.url, "api_token": TOKEN}))
    assert run_query(settings, "SELECT 7 AS seven") == QueryResult(["seven"], [[7]])
    with pytest.raises(StoreError, match="nope"):
        run_query(settings, "SELECT nope")


def test_what_is_refused(console: ConsoleServer) -> None:
    """A wrong token, nobody's, a statement that writes, wrong SQL, a file: each with its status and a line."""
    assert ask(console, "SELECT 1", token="other").status_code == 401
    nobody = httpx.post(f"{console.url}/v1/query", json={"sql": "SELECT 1"})
    assert (nobody.status_code, "admin" in nobody.json()["detail"]) == (403, True)
    assert ask(console, "DROP TABLE calls").status_code == 403
    answer = ask(console, "SELECT nope")
    assert (answer.status_code, "nope" in answer.json()["detail"]) == (400, True)
    for outside in ("file('/etc/passwd')", "url('http://127.0.0.1:1/', CSV, 'a String')"):
        assert ask(console, f"SELECT * FROM {outside}").status_code == 400
    assert ask(console, "SELECT number FROM numbers(1000001)").status_code in (400, 503)
    limits = "getSetting('max_memory_usage'), getSetting('max_execution_time'), getSetting('readonly')"
    assert ask(console, f"SELECT {limits}").json()["rows"] == [[2_000_000_000, 60, 1]]


def test_health_tells_why(console: ConsoleServer) -> None:
    """The process lives, and is not ready: there is no bus to read alerts from."""
    assert httpx.get(f"{console.url}/health/live").json() == {"status": "live"}
    ready = httpx.get(f"{console.url}/health/ready")
    assert (ready.status_code, ready.json()["ready"]) == (503, False)
    assert ready.json()["reasons"][0].startswith("alerts: ")
    alerts = httpx.get(f"{console.url}/v1/alerts")
    assert (alerts.status_code, alerts.headers["retry-after"]) == (503, "2")


def test_the_file_is_private(console: ConsoleServer, settings: Settings) -> None:
    """Its address and token are for the owner alone."""
    file = settings.data_dir / "api.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert json.loads(file.read_text())["api_url"] == console.url


def test_others_need_keys(settings: Settings, store: Store) -> None:
    """It does not listen for other machines without a file of keys."""
    with pytest.raises(SettingError, match="CALLGAUGE_CONSOLE_KEYS_FILE"):
        ConsoleServer(settings.model_copy(update={"api_host": "0.0.0.0"}), store)  # noqa: S104


def test_without_keys_there_is_only_the_local_stack() -> None:
    """Over a server it asks for them on every address, and says so before it connects to anything."""
    with pytest.raises(SettingError, match=r"CALLGAUGE_CONSOLE_KEYS_FILE: .*console-key new"):
        run(load_settings(store="http://127.0.0.1:1/callgauge", api_host="127.0.0.1"))
    with pytest.raises(SettingError, match="belongs to one process"):
        run(load_settings(store="chdb:///nowhere"))


def test_nothing_there_yet(settings: Settings) -> None:
    """No process, no folder: told what to do, and no folder is made."""
    with pytest.raises(StoreError, match="callgauge up"):
        run_query(settings, "SELECT 1")
    assert not (settings.data_dir / "store").exists()


def test_a_user_is_erased_by_the_process_that_holds_the_store(
    console: ConsoleServer, settings: Settings, store: Store
) -> None:
    """`callgauge erase` beside a running stack; nobody without the token can."""
    store_calls(store, [{"end": T0 + 1, "user_id": "ada"}, {"end": T0 + 1, "user_id": "bob"}])
    dry = have_done(settings, "/v1/erasures", {"user": "ada", "dry_run": True})
    assert dry is not None
    assert dry["rows"]["calls"] == 1
    assert store.query("SELECT count() FROM calls").rows == [[2]]
    done = have_done(settings, "/v1/erasures", {"user": "ada"})
    assert done is not None
    assert (done["rows"], "llm.calls" in done["on_the_bus_until"]) == (dry["rows"], False)
    assert store.query("SELECT user_id FROM calls").rows == [["bob"]]
    assert httpx.post(f"{console.url}/v1/erasures", json={"user": "bob"}).status_code == 403
    with pytest.raises(StoreError, match="user"):
        have_done(settings, "/v1/erasures", {"user": ""})


def test_calls_are_priced_again_by_the_process_that_holds_the_store(
    settings: Settings, store: Store, console: ConsoleServer
) -> None:
    """As `callgauge reprice` does it; the price is noted, too."""
    assert settings.prices_file is not None
    settings.prices_file.write_text("prices:\n  - {model: house, input_mtok: 2, output_mtok: 4}\n")
    store_calls(store, [{"end": T0 + 1, "model": "house", "input_tokens": 1_000_000, "output_tokens": 0}])
    asked = {"from_ms": int(T0 * 1000), "to_ms": int(T0 * 1000) + 60_000, "made_by": "ada"}
    dry = have_done(settings, "/v1/repricings", asked | {"dry_run": True})
    assert store.query("SELECT count() FROM cost_adjustments").rows == [[0]]
    done = have_done(settings, "/v1/repricings", asked)
    assert dry == done
    assert done is not None
    assert done["models"] == {"house": {"calls": 1, "before_usd": 0.0, "after_usd": 2.0}}
    assert store.query("SELECT made_by, cost_nano FROM cost_adjustments").rows == [["ada", 2_000_000_000]]
    assert store.query("SELECT kind, toFloat64(dollars) FROM prices_used ORDER BY kind").rows == [
        ["input_tokens", 2],
        ["output_tokens", 4],
    ]
    with pytest.raises(StoreError, match="before"):
        have_done(settings, "/v1/repricings", asked | {"to_ms": 0})


def test_a_server_is_changed_by_whoever_asks(settings: Settings) -> None:
    """Nobody holds it."""
    server = settings.model_copy(update={"store": SecretStr("http://127.0.0.1:1/")})
    assert have_done(server, "/v1/erasures", {"user": "ada"}) is None
    assert have_done(settings, "/v1/erasures", {"user": "ada"}) is None
