"""The log of calls: a JSON line for each, through the standard library's logging."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from callgauge import Gauge, load_settings
from callgauge.call_log import FIELDS, LOGGER, log_fields
from callgauge.testing import ManualClock, MemoryTransport


@pytest.fixture(autouse=True)
def a_logger_of_our_own() -> Iterator[None]:
    """Whatever a test adds is taken away again."""
    logger = logging.getLogger(LOGGER)
    yield
    logger.propagate = True
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        handler.close()


def gauge_on(target: object, transport: MemoryTransport | None = None, **settings: Any) -> Gauge:
    wanted = load_settings(service="search", log_calls=str(target), gauge_heartbeat_s=0.0, **settings)
    return Gauge(wanted, transport=transport or MemoryTransport(), clock=ManualClock(1_795_867_200.0))


def lines_in(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_line_for_each_call(tmp_path: Path) -> None:
    """What is known of it, also the cost that was made of its tokens; null where nothing is; no line for a score."""
    path = tmp_path / "calls.log"
    with gauge_on(path) as gauge:
        gauge.emit(
            provider="openai",
            model="gpt-4o",
            trace_id="t",
            user_id="u",
            feature="chat",
            prompt_hash="h",
            latency_ms=500.0,
            input_tokens=1_000,
            cache_read_tokens=100,
            output_tokens=10,
        )
        gauge.emit(model="m", error_type="rate_limit", http_status=429, error_message="RateLimitError")
        gauge.score("s", 1)
    good, bad = lines_in(path)
    assert good.keys() == bad.keys() == {"timestamp", "level", "event", *FIELDS, "error"}
    assert (good["timestamp"], good["level"], good["event"]) == ("2026-11-28T12:00:00.000000Z", "info", "llm_call")
    assert {name: good[name] for name in ("trace_id", "provider", "model", "input_tokens", "cache_read_tokens")} == {
        "trace_id": "t",
        "provider": "openai",
        "model": "gpt-4o",
        "input_tokens": 1_000,
        "cache_read_tokens": 100,
    }
    assert (good["latency_ms"], good["user_id"], good["feature"], good["status"]) == (500.0, "u", "chat", "success")
    assert good["cost_usd"] == 0.002475
    assert (good["error"], good["session_id"], good["environment"], good["operation"]) == (None, None, None, "chat")
    assert (bad["status"], bad["cost_usd"]) == ("error", None)
    assert bad["error"] == {"type": "rate_limit", "message": "RateLimitError", "http": 429}


def test_once_even_if_the_bus_is_slow(tmp_path: Path) -> None:
    """A call that is offered to a full transport again and again is one line."""
    path, transport = tmp_path / "calls.log", MemoryTransport(full=True)
    with gauge_on(path, transport) as gauge:
        gauge.emit(model="m")
        assert gauge.flush(0.1) == 1
        transport.full = False
    assert len(lines_in(path)) == 1


def test_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    """For hosts whose platform collects it."""
    with gauge_on("stderr") as gauge:
        gauge.emit(model="m")
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["model"] == "m"


def test_the_hosts_handlers_get_the_fields(tmp_path: Path) -> None:
    """As attributes of the record, as structlog's ExtraAdder reads them; and no line twice in the host's own log."""
    records: list[logging.LogRecord] = []

    class Collecting(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record)

    at_root, own = Collecting(), Collecting()
    logging.getLogger().addHandler(at_root)
    logging.getLogger(LOGGER).addHandler(own)
    try:
        with gauge_on(tmp_path / "calls.log") as gauge:
            gauge.emit(model="m", user_id="u")
    finally:
        logging.getLogger().removeHandler(at_root)
    (record,) = [record for record in records if record.name == LOGGER]
    assert record.getMessage() == "llm_call"
    assert (vars(record)["model"], vars(record)["user_id"]) == ("m", "u")


def test_two_gauges_share_a_file(tmp_path: Path) -> None:
    """Each call is one line; a file that was moved away is made again."""
    path = tmp_path / "calls.log"
    with gauge_on(path) as first, gauge_on(path) as second:
        first.emit(model="a")
        assert first.flush(5) == 0
        second.emit(model="b")
        assert second.flush(5) == 0
        path.rename(tmp_path / "calls.log.1")
        first.emit(model="c")
        assert first.flush(5) == 0
    assert [line["model"] for line in lines_in(tmp_path / "calls.log.1")] == ["a", "b"]
    assert [line["model"] for line in lines_in(path)] == ["c"]


def test_a_file_that_cannot_be_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """Costs a line in the log, once, and no call."""
    transport = MemoryTransport()
    with gauge_on(tmp_path / "no folder" / "calls.log", transport) as gauge:
        for _ in range(3):
            gauge.emit(model="m")
    assert len(transport.calls) == 3
    assert caplog.text.count("CALLGAUGE_LOG_CALLS") == 1
    assert capsys.readouterr().err == ""


def test_no_name_collides_with_a_records_own() -> None:
    """The standard library refuses extra fields that a record has anyway."""
    own = vars(logging.makeLogRecord({})).keys() | {"message", "asctime"}
    assert not own & log_fields({"ts": 1.0}).keys()
