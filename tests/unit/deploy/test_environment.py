"""A child process gets exactly its parent's settings."""

from __future__ import annotations

from pathlib import Path

import pytest

from callgauge.settings import load_settings
from callgauge_deploy.data_dir import DataDir
from callgauge_deploy.environment import child_environment
from callgauge_deploy.local_settings import local_settings
from callgauge_deploy.ports import Ports

PORTS = Ports(bus=19092, api=18080, gateway=14318, metrics={})


def test_settings_survive_the_way_through_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Numbers, paths, booleans, secrets and empty ones come back equal."""
    settings = load_settings(
        partitions=7,
        session_timeout_s=6.5,
        notify_console=True,
        data_dir=tmp_path,
        sasl_password="pa ss",
        rules_file=None,
    )
    for name, value in child_environment(settings, {}).items():
        monkeypatch.setenv(name, value)
    assert load_settings() == settings


def test_the_rest_of_the_environment_is_kept() -> None:
    """PATH and such go to the child; our own variables come from the settings alone."""
    env = child_environment(
        load_settings(), {"PATH": "/bin", "CALLGAUGE_PARTITIONS": "99", "CALLGAUGE_RULES_FILE": "x"}
    )
    assert env["PATH"] == "/bin"
    assert env["CALLGAUGE_PARTITIONS"] == "4"
    assert "CALLGAUGE_RULES_FILE" not in env


def test_a_local_stack_never_touches_production(tmp_path: Path) -> None:
    """Whatever bus and store the shell names, the local stack uses its own."""
    production = load_settings(
        bootstrap_servers="kafka.example:9093",
        security_protocol="SASL_SSL",
        store="https://user:password@clickhouse.example/callgauge",
        store_user="user",
        store_password="password",
        replication_factor=3,
        worker_name="pod-1",
    )
    local = local_settings(production, DataDir(tmp_path), PORTS)
    assert local.bootstrap_servers == "127.0.0.1:19092"
    assert local.security_protocol == "PLAINTEXT"
    assert (local.replication_factor, local.worker_name) == (1, "")
    assert local.store.get_secret_value() == local.store_dsn == f"chdb://{tmp_path}/clickhouse"
    assert (local.store_user, local.store_password.get_secret_value()) == ("", "")


def test_the_api_s_address_is_fixed_for_all_restarts(tmp_path: Path) -> None:
    """The chosen port is in the settings; a token is made when none is set, and kept when there is one."""
    chosen = local_settings(load_settings(), DataDir(tmp_path), PORTS)
    assert (chosen.bus_port, chosen.api_port) == (19092, 18080)
    assert len(chosen.api_token.get_secret_value()) >= 32
    kept = local_settings(load_settings(api_token="mine"), DataDir(tmp_path), PORTS)
    assert kept.api_token.get_secret_value() == "mine"


def test_nobody_else_reaches_the_local_gateway(tmp_path: Path) -> None:
    """Wherever the shell has a gateway listen, that of the stack is on the loopback."""
    shell = load_settings(gateway_host="0.0.0.0", gateway_socket=tmp_path / "socket")  # noqa: S104 (what is not done)
    local = local_settings(shell, DataDir(tmp_path), PORTS)
    assert (local.gateway_host, local.gateway_port, local.gateway_socket) == ("127.0.0.1", 14318, None)
