"""docker-compose.yml is valid, keeps to itself, and sets only settings that exist."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from typer.main import get_command

from callgauge.settings import Settings, load_settings
from callgauge_deploy.cli import app

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == "callgauge"}


def test_it_follows_the_compose_specification() -> None:
    """Validated against the specification's own JSON schema."""
    schema = json.loads((ROOT / "tests" / "data" / "compose-spec.json").read_text())
    jsonschema.Draft202012Validator(schema).validate(COMPOSE)


@pytest.mark.parametrize("name", OURS)
def test_every_variable_is_a_setting_with_a_meaning(name: str) -> None:
    """A misspelt or removed variable would be ignored in silence."""
    fields = {f"CALLGAUGE_{field.upper()}": info for field, info in Settings.model_fields.items()}
    for variable in OURS[name]["environment"]:
        assert fields[variable].description


@pytest.mark.parametrize("name", OURS)
def test_the_settings_load(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With every ${…} filled in, by its default where it has one, each service's environment is accepted."""
    for variable, value in OURS[name]["environment"].items():
        filled = re.sub(r"\$\{\w+(?::-([^}]*))?[^}]*\}", lambda found: found[1] or "filled", str(value))
        monkeypatch.setenv(variable, filled)
    assert load_settings().librdkafka()["bootstrap.servers"] == "kafka:9092"


def test_every_process_is_there() -> None:
    """One service per role, each a command that exists."""
    processes = {"rollup", "detect", "quality", "sinks", "evaluator", "console", "notify", "gateway"}
    assert set(OURS) == {"topics", "judge", *processes}
    commands = set(get_command(app).commands)  # type: ignore[attr-defined]  # a click group
    assert {service["command"][0] for service in OURS.values()} <= commands


def test_ports_are_published_on_the_loopback_only() -> None:
    """Neither broker, store nor API is reachable from other machines."""
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_no_password_is_written_down() -> None:
    """ClickHouse's comes from the environment, and compose refuses to start without."""
    assert SERVICES["clickhouse"]["environment"]["CLICKHOUSE_PASSWORD"].startswith("${CLICKHOUSE_PASSWORD:?")
    assert "@" not in OURS["sinks"]["environment"]["CALLGAUGE_STORE"]
    assert "${CLICKHOUSE_PASSWORD:?" in OURS["sinks"]["environment"]["CALLGAUGE_STORE_PASSWORD"]


def test_images_of_others_are_pinned() -> None:
    """No `latest`: an upgrade is a change in this file."""
    for name in SERVICES.keys() - OURS.keys():
        assert re.search(r":v?\d+\.\d+", SERVICES[name]["image"]), name


def test_every_long_running_service_has_a_health_check() -> None:
    """The ready file must be where the check looks, on a file system that a restart empties."""
    for name in OURS.keys() - {"topics"}:
        ready_file = OURS[name]["environment"]["CALLGAUGE_READY_FILE"]
        assert OURS[name]["healthcheck"]["test"][-1] == ready_file
        assert ready_file.startswith(f"{OURS[name]['tmpfs'][0]}/")
