"""The command: quick to load, errors in one line, secrets never shown."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import pytest
from typer.testing import CliRunner

from callgauge.errors import SettingError
from callgauge.settings import load_settings
from callgauge_deploy import cli, completeness_command
from callgauge_deploy.data_dir import DataDir, StackInfo
from callgauge_deploy.screen import banner, shown
from callgauge_history.store import QueryResult
from callgauge_sinks.completeness import check as check_module
from callgauge_sinks.completeness.report import Gap, Hour, Report

SECRET = "do-not-show-me"


def test_help_loads_nothing_heavy() -> None:
    """`callgauge --help` must not wait for Faust, ClickHouse or NumPy."""
    code = (
        "import sys; from callgauge_deploy.cli import app; "
        "print([m for m in ('faust', 'chdb', 'clickhouse_connect', 'numpy', 'confluent_kafka') if m in sys.modules])"
    )
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "[]"


def test_an_error_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 1, the message on standard error, no traceback."""
    monkeypatch.setenv("CALLGAUGE_PARTITIONS", "none")
    monkeypatch.setattr(sys, "argv", ["callgauge", "settings"])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 1
    said = capsys.readouterr()
    assert said.err == "callgauge: error: CALLGAUGE_PARTITIONS: 'none' is refused: it may hold: integer, ≥ 1\n"
    assert said.out == ""


def test_an_error_cannot_command_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What an error quotes is shown with its control characters escaped."""
    monkeypatch.setattr(sys, "argv", ["callgauge", "query", "SELECT \x1b[2J"])
    monkeypatch.setattr(cli, "load", lambda *_: fail("cannot run 'SELECT \x1b[2J\ud83d'"))
    with pytest.raises(SystemExit):
        cli.main()
    assert capsys.readouterr().err == "callgauge: error: cannot run 'SELECT \\x1b[2J\\ud83d'\n"


@pytest.mark.parametrize(
    ("options", "written"),
    [
        ([], "n\tn\n18446744073709551615\tgpt\\x1b[2J\n"),
        (["--format", "csv"], "n,n\r\n18446744073709551615,gpt\x1b[2J\r\n"),
        (["--format", "json"], '[\n  {"n": 18446744073709551615, "n_2": "gpt\\u001b[2J"}\n]\n'),
        (["--format", "vertical"], "row 1\n  n  18446744073709551615\n  n  gpt\\x1b[2J\n"),
    ],
)
def test_a_query_in_a_pipe(monkeypatch: pytest.MonkeyPatch, options: list[str], written: str) -> None:
    """Plain by default, or in the form that is asked for; exact, and nothing cut."""
    result = QueryResult(["n", "n"], [[18_446_744_073_709_551_615, "gpt\x1b[2J"]])
    monkeypatch.setattr("callgauge_history.query.run_query", lambda *_: result)
    done = CliRunner().invoke(cli.app, ["query", "SELECT 1", *options], env={"COLUMNS": "10"})
    assert done.stdout_bytes.decode() == written


def fail(message: str) -> NoReturn:
    raise SettingError(message)


def test_settings_are_listed_with_secrets_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    """All variables are there; no secret is."""
    for name in ("SASL_PASSWORD", "API_TOKEN", "WEBHOOK_SECRET", "STORE"):
        monkeypatch.setenv(f"CALLGAUGE_{name}", f"http://{SECRET}")
    result = CliRunner().invoke(cli.app, ["settings"], env={"COLUMNS": "200"})
    assert result.exit_code == 0
    assert SECRET not in result.output
    for field in type(load_settings()).model_fields:
        assert f"CALLGAUGE_{field.upper()}" in result.output


def test_values_are_shown_plainly() -> None:
    """An empty secret is empty, so that one can see it is not set."""
    assert [shown(value) for value in (None, 4, Path("data"), load_settings().api_token)] == ["", "4", "data", ""]


def test_the_version_is_the_distribution_s() -> None:
    """--version prints and ends."""
    result = CliRunner().invoke(cli.app, ["--version"])
    assert result.exit_code == 0
    assert result.output.startswith("callgauge 0.")


def test_the_running_stack_is_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A command uses the local stack's bus, unless the environment names another."""
    monkeypatch.setenv("CALLGAUGE_DATA_DIR", str(tmp_path))
    folder = DataDir(tmp_path)
    with folder.claim():
        folder.write_stack(StackInfo("127.0.0.1:19092", "http://127.0.0.1:1", "t", {}))
        assert cli.client_settings().bootstrap_servers == "127.0.0.1:19092"
        monkeypatch.setenv("CALLGAUGE_BOOTSTRAP_SERVERS", "kafka:9092")
        assert cli.client_settings().bootstrap_servers == "kafka:9092"


def test_the_history_lies_in_the_data_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With the stack down, `query` reads what a stack on the same folder has stored, unless a store is named."""
    monkeypatch.setenv("CALLGAUGE_DATA_DIR", str(tmp_path))
    assert cli.store_settings().store.get_secret_value() == f"chdb://{tmp_path}/clickhouse"
    monkeypatch.setenv("CALLGAUGE_STORE", "http://clickhouse/callgauge")
    assert cli.store_settings().store.get_secret_value() == "http://clickhouse/callgauge"


@pytest.mark.parametrize(
    ("changes", "code", "verdict"),
    [
        ({}, 0, "completeness: exact: 5 records"),
        ({"gaps": [Gap("c/t/0", 0, "calls", "gone")]}, 1, "completeness: 1 gap: 5 records"),
        ({"pending": ["c/t/4: a new partition"]}, 3, "completeness: on its way: 5 records"),
        ({"to_come": 7}, 3, "completeness: on its way: 5 records"),
        ({"unsettled": 1}, 3, "completeness: on its way: 5 records"),
        ({"to_come": 7, "gaps": [Gap("c/t/0", 0, "calls", "gone")]}, 1, "completeness: 1 gap: 5 records"),
    ],
)
def test_the_exit_code_of_completeness_tells_exact_from_on_its_way_and_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, changes: dict[str, Any], code: int, verdict: str
) -> None:
    """0 is exact alone; 2 stays for mistakes in the arguments."""
    report = Report(
        0, **{"hours": [Hour("c/t/0", 0, records=5, counted=5)], "gaps": [], "pending": [], "notes": []} | changes
    )
    monkeypatch.setenv("CALLGAUGE_DATA_DIR", str(tmp_path))
    monkeypatch.setattr(check_module, "check", lambda ask, **_: report)
    result = CliRunner().invoke(cli.app, ["completeness"], env={"COLUMNS": "200"})
    assert (result.exit_code, verdict in result.output.splitlines()[-1]) == (code, True), result.output
    assert CliRunner().invoke(cli.app, ["completeness", "--hours", "x"]).exit_code == 2


def test_completeness_asks_the_bus_that_belongs_to_the_store(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The one named, else the running stack's; none if only another store is named."""
    monkeypatch.setenv("CALLGAUGE_DATA_DIR", str(tmp_path))
    assert completeness_command._known_bus() is None
    folder = DataDir(tmp_path)
    with folder.claim():
        folder.write_stack(StackInfo("127.0.0.1:19092", "http://127.0.0.1:1", "t", {}))
        bus = completeness_command._known_bus()
        assert bus is not None
        assert bus.bootstrap_servers == "127.0.0.1:19092"
        monkeypatch.setenv("CALLGAUGE_STORE", "http://clickhouse/callgauge")
        assert completeness_command._known_bus() is None
        monkeypatch.setenv("CALLGAUGE_BOOTSTRAP_SERVERS", "kafka:9092")
        bus = completeness_command._known_bus()
        assert bus is not None
        assert bus.bootstrap_servers == "kafka:9092"


def test_a_missing_part_is_named() -> None:
    """The message says which extra to install."""
    with pytest.raises(SettingError, match=r"not_there is not installed: pip install 'callgauge\[sinks\]'"):
        cli.load("not_there", "sinks")


def test_the_banner_says_how_to_emit(tmp_path: Path) -> None:
    """The SDK's default finds a bus on the default port; for any other, the variable is told."""
    default = banner(StackInfo("127.0.0.1:9092", "http://127.0.0.1:18080", "", {}), tmp_path / "callgauge.log")
    other = banner(StackInfo("127.0.0.1:19092", "http://127.0.0.1:18080", "", {}), tmp_path / "callgauge.log")
    assert "  emit        python your_service.py\n" in default
    assert "  emit        CALLGAUGE_BOOTSTRAP_SERVERS=127.0.0.1:19092 python your_service.py\n" in other


def test_the_banner_tells_all(tmp_path: Path) -> None:
    """Bus, API, gateway, log, how to query and emit, and that the bus forgets; never the token."""
    info = StackInfo("127.0.0.1:19092", "http://127.0.0.1:18080", SECRET, {}, gateway_url="http://127.0.0.1:14318")
    text = banner(info, tmp_path / "callgauge.log")
    for part in ("127.0.0.1:19092", "http://127.0.0.1:18080", "http://127.0.0.1:14318", "callgauge.log"):
        assert part in text
    assert "callgauge query" in text
    assert "in memory" in text
    assert SECRET not in text
    assert "gateway     left out\n" in banner(replace(info, gateway_url=""), tmp_path / "callgauge.log")
