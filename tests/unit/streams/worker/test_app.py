"""What the workers say of wrong settings before they start."""

from __future__ import annotations

from pathlib import Path

import pytest
from faust.transport.drivers.aiokafka import server_list

from callgauge.errors import SettingError
from callgauge.settings import load_settings
from callgauge_streams.worker.app import make_app, wrong_partitions


def test_a_missing_ca_file_is_named_with_its_setting(tmp_path: Path) -> None:
    settings = load_settings(security_protocol="SSL", ssl_ca_file=str(tmp_path / "ca.pem"))
    with pytest.raises(SettingError, match=r"CALLGAUGE_SSL_CA_FILE: .*ca\.pem: .*name a PEM file"):
        make_app(settings, "rollup")


def test_without_tls_no_ca_file_is_read(tmp_path: Path) -> None:
    make_app(load_settings(ssl_ca_file=str(tmp_path / "ca.pem")), "rollup")


def test_sasl_over_tls_keeps_the_password_out_of_what_is_shown() -> None:
    app = make_app(load_settings(security_protocol="SASL_SSL", sasl_username="u", sasl_password="secret-word"), "r")
    assert "secret-word" not in repr(app.conf.broker_credentials)


def test_uncompiled_faust_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_CYTHON", "1")
    with pytest.raises(SettingError, match="unset it"):
        make_app(load_settings(), "rollup")


def test_workers_get_the_cleaned_list_of_brokers() -> None:
    """Schemes, blanks and empty places do not reach aiokafka; IPv6 addresses keep their brackets."""
    app = make_app(load_settings(bootstrap_servers=" PLAINTEXT://a:1, ,[::1]:2,b,", allow_plaintext=True), "rollup")
    assert server_list(app.conf.broker, 1) == ["a:1", "[::1]:2", "b:9092"]


def test_added_partitions_of_the_windows_topic_are_explained() -> None:
    """What is wrong, why that matters, and the two things to do about it."""
    assert wrong_partitions(load_settings(windows_partitions=4), 6) == (
        "llm.windows has 6 partitions, CALLGAUGE_WINDOWS_PARTITIONS is 4: all rows of a series must stay in one "
        "partition, so partitions cannot be added while it is in use. If the setting was changed, set it back to 6. If "
        "partitions were added, stop rollup and detect, delete llm.windows, llm.alerts, llm.alerts.current and "
        "llm.detect.state, make them anew with `callgauge topics`, and start again: alerts begin anew, the history in "
        "ClickHouse stays"
    )
